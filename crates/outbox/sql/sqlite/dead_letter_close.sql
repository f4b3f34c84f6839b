UPDATE dead_letter SET closed_at = CAST((julianday('now') - 2440587.5) * 86400000000 AS integer), resolution = $2, reason = $3, actor = $4
WHERE id = $1 AND closed_at IS NULL
RETURNING delivery_id
