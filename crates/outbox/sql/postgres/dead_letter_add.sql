INSERT INTO outbox.dead_letter
    (id, delivery_id, destination_id, log_id, tenant_id, store_id, event_id, event_type, lane, class, error, attempts, worker,
     failed_at)
SELECT $1, id, destination_id, log_id, tenant_id, store_id, event_id, event_type, lane, $3, $4, attempts, $5, outbox.now_us()
FROM outbox.delivery WHERE id = $2
