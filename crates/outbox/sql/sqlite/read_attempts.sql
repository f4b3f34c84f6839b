SELECT delivery_id, number, started_at, duration_us, outcome, class, error, worker, epoch
FROM attempt
WHERE delivery_id IN (SELECT value FROM json_each($1))
ORDER BY delivery_id, number LIMIT $2
