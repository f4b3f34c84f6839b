-- Whoever ran it before has lost it.
UPDATE outbox.job
SET state = 'running', epoch = epoch + 1, applied_by = $4, error = NULL, started_at = coalesce(started_at, outbox.now_us()), updated_at = outbox.now_us()
WHERE tenant_id = $1 AND store_id = $2 AND id = $3
