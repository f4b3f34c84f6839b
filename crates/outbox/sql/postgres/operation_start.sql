INSERT INTO outbox.idempotency_keys
    (tenant_id, store_id, operation, key, generation, status, fingerprint, command_id, created_at, lease_until)
VALUES ($1, $2, $3, $4, $5, 'in_progress', $6, $7, outbox.now_us(), outbox.now_us() + $8)
ON CONFLICT (tenant_id, store_id, operation, key) DO UPDATE
SET generation = excluded.generation, status = excluded.status, fingerprint = excluded.fingerprint,
    command_id = excluded.command_id, created_at = excluded.created_at, lease_until = excluded.lease_until,
    response_status = NULL, response_headers = NULL, response_body = NULL, recovery_point = NULL, completed_at = NULL,
    expires_at = NULL
