DELETE FROM inbox WHERE consumer = $1 AND received_at < CAST((julianday('now') - 2440587.5) * 86400000000 AS integer) - $2
