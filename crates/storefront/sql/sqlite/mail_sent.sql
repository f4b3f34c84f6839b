UPDATE mail SET sent_at = CAST((julianday('now') - 2440587.5) * 86400000000 AS integer)
WHERE event_id = ?1 AND sent_at IS NULL
