UPDATE outbox.idempotency_keys
SET status = $5, response_status = $6, response_headers = $7, response_body = $8, completed_at = outbox.now_us(),
    expires_at = outbox.now_us() + $9, lease_until = NULL
WHERE tenant_id = $1 AND store_id = $2 AND operation = $3 AND key = $4 AND status IN ('in_progress', 'uncertain') AND generation = $10
