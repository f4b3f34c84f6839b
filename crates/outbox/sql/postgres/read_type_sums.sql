-- How many events there are of each type, with the first and the last place, from the index of types alone. Type by type,
-- because over all of them the planner reads the table, which is four times as long.
SELECT wanted.value, one.* FROM jsonb_array_elements_text($5::text::jsonb) AS wanted CROSS JOIN LATERAL (
    SELECT count(*)::bigint AS events, min(id), max(id) FROM outbox.event_log
    WHERE tenant_id = $1 AND store_id = $2 AND event_type = wanted.value AND id > $3 AND id < $4) AS one
WHERE one.events > 0 ORDER BY wanted.value
