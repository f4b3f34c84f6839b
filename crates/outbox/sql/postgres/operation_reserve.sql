INSERT INTO outbox.idempotency_keys
    (tenant_id, store_id, operation, key, generation, status, command_id, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, 'active', $6, outbox.now_us(), outbox.now_us() + $7)
ON CONFLICT (tenant_id, store_id, operation, key) DO UPDATE
SET generation = excluded.generation, status = excluded.status, fingerprint = NULL, command_id = excluded.command_id,
    created_at = excluded.created_at, expires_at = excluded.expires_at, lease_until = NULL, response_status = NULL,
    response_headers = NULL, response_body = NULL, recovery_point = NULL, completed_at = NULL
