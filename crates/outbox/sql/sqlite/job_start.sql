-- Whoever ran it before has lost it.
UPDATE job
SET state = 'running', epoch = epoch + 1, applied_by = $4, error = NULL, started_at = coalesce(started_at, CAST((julianday('now') - 2440587.5) * 86400000000 AS integer)), updated_at = CAST((julianday('now') - 2440587.5) * 86400000000 AS integer)
WHERE tenant_id = $1 AND store_id = $2 AND id = $3
