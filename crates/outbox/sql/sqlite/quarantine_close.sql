UPDATE quarantine SET closed_at = CAST((julianday('now') - 2440587.5) * 86400000000 AS integer), resolution = $3, note = $4, actor = $5
WHERE consumer = $1 AND id = $2 AND closed_at IS NULL
