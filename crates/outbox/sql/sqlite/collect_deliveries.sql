DELETE FROM delivery WHERE id IN (
    SELECT id FROM delivery
    WHERE finished_at < CAST((julianday('now') - 2440587.5) * 86400000000 AS integer) - $1 AND state <> 'dead' ORDER BY finished_at LIMIT $2)
