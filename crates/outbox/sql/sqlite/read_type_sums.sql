-- How many events there are of each type, with the first and the last place, from the index of types alone.
SELECT event_type, count(*), min(id), max(id) FROM event_log INDEXED BY event_log_type
WHERE tenant_id = $1 AND store_id = $2 AND event_type IN (SELECT value FROM json_each($5)) AND id > $3 AND id < $4
GROUP BY event_type ORDER BY event_type
