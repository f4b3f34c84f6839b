INSERT INTO job
    (id, tenant_id, store_id, kind, filter, options, state, upto, planned, rate, actor, reason, created_at, expires_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, 'planned', $7, $8, $9, $10, $11, CAST((julianday('now') - 2440587.5) * 86400000000 AS integer), CAST((julianday('now') - 2440587.5) * 86400000000 AS integer) + $12, CAST((julianday('now') - 2440587.5) * 86400000000 AS integer))
