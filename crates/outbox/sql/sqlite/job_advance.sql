UPDATE job
SET after_id = $3, after_letter = $4, done = done + $5, skipped = skipped + $6, updated_at = CAST((julianday('now') - 2440587.5) * 86400000000 AS integer)
WHERE id = $1 AND epoch = $2
