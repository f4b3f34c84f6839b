UPDATE idempotency_keys SET recovery_point = $5, lease_until = CAST((julianday('now') - 2440587.5) * 86400000000 AS integer) + $6
WHERE tenant_id = $1 AND store_id = $2 AND operation = $3 AND key = $4 AND status IN ('in_progress', 'uncertain') AND generation = $7
