SELECT id, kind, filter, options, state, upto, after_id, after_letter, planned, done, skipped, rate, epoch, actor, applied_by,
       reason, error, created_at, expires_at, started_at, updated_at, finished_at, outbox.now_us()
FROM outbox.job WHERE tenant_id = $1 AND store_id = $2 AND id = $3
