SELECT generation, status, fingerprint, response_status, response_headers, response_body, recovery_point, command_id,
       created_at, completed_at, expires_at - outbox.now_us(), lease_until - outbox.now_us()
FROM outbox.idempotency_keys
WHERE tenant_id = $1 AND store_id = $2 AND operation = $3 AND key = $4
