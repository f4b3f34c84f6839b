INSERT INTO outbox.idempotency_key_history
    (tenant_id, store_id, operation, key, generation, status, fingerprint, command_id, response_status, created_at,
     completed_at, ended_at, ended_by, reason)
SELECT tenant_id, store_id, operation, key, generation, status, fingerprint, command_id, response_status, created_at,
       completed_at, outbox.now_us(), $5, $6
FROM outbox.idempotency_keys
WHERE tenant_id = $1 AND store_id = $2 AND operation = $3 AND key = $4
