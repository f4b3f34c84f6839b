UPDATE outbox.idempotency_keys SET status = 'uncertain', lease_until = outbox.now_us() + $5
WHERE tenant_id = $1 AND store_id = $2 AND operation = $3 AND key = $4
