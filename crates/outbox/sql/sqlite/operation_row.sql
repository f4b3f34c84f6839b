SELECT generation, status, fingerprint, response_status, response_headers, response_body, recovery_point, command_id,
       created_at, completed_at, expires_at - CAST((julianday('now') - 2440587.5) * 86400000000 AS integer), lease_until - CAST((julianday('now') - 2440587.5) * 86400000000 AS integer)
FROM idempotency_keys
WHERE tenant_id = $1 AND store_id = $2 AND operation = $3 AND key = $4
