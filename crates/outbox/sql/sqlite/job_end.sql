UPDATE job
SET state = $3, error = $4, updated_at = CAST((julianday('now') - 2440587.5) * 86400000000 AS integer), epoch = epoch + 1,
    finished_at = CASE WHEN $3 = 'paused' THEN NULL ELSE CAST((julianday('now') - 2440587.5) * 86400000000 AS integer) END
WHERE id = $1 AND epoch = $2
