INSERT INTO outbox.audit (tenant_id, store_id, at, actor, action, subject, before, after, reason, job_id)
VALUES ($1, $2, outbox.now_us(), $3, $4, $5, $6, $7, $8, $9)
