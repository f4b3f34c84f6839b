UPDATE idempotency_keys
SET status = $5, response_status = $6, response_headers = $7, response_body = $8, completed_at = CAST((julianday('now') - 2440587.5) * 86400000000 AS integer),
    expires_at = CAST((julianday('now') - 2440587.5) * 86400000000 AS integer) + $9, lease_until = NULL
WHERE tenant_id = $1 AND store_id = $2 AND operation = $3 AND key = $4 AND status IN ('in_progress', 'uncertain') AND generation = $10
