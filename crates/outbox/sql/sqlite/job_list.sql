SELECT id, kind, filter, options, state, upto, after_id, after_letter, planned, done, skipped, rate, epoch, actor, applied_by,
       reason, error, created_at, expires_at, started_at, updated_at, finished_at, CAST((julianday('now') - 2440587.5) * 86400000000 AS integer)
FROM job WHERE tenant_id = $1 AND store_id = $2
ORDER BY created_at DESC, id LIMIT $3
