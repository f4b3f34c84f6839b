SELECT delivery_id, number, started_at, duration_us, outcome, class, error, worker, epoch
FROM outbox.attempt
WHERE delivery_id IN (SELECT value::bigint FROM jsonb_array_elements_text($1::text::jsonb))
ORDER BY delivery_id, number LIMIT $2
