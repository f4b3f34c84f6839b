UPDATE outbox.idempotency_keys SET recovery_point = $5, lease_until = outbox.now_us() + $6
WHERE tenant_id = $1 AND store_id = $2 AND operation = $3 AND key = $4 AND status IN ('in_progress', 'uncertain') AND generation = $7
