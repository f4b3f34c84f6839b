INSERT INTO audit (tenant_id, store_id, at, actor, action, subject, before, after, reason, job_id)
VALUES ($1, $2, CAST((julianday('now') - 2440587.5) * 86400000000 AS integer), $3, $4, $5, $6, $7, $8, $9)
