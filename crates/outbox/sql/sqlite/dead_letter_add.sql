INSERT INTO dead_letter
    (id, delivery_id, destination_id, log_id, tenant_id, store_id, event_id, event_type, lane, class, error, attempts, worker,
     failed_at)
SELECT $1, id, destination_id, log_id, tenant_id, store_id, event_id, event_type, lane, $3, $4, attempts, $5, CAST((julianday('now') - 2440587.5) * 86400000000 AS integer)
FROM delivery WHERE id = $2
