UPDATE idempotency_keys SET status = 'uncertain', lease_until = CAST((julianday('now') - 2440587.5) * 86400000000 AS integer) + $5
WHERE tenant_id = $1 AND store_id = $2 AND operation = $3 AND key = $4
