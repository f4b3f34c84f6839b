UPDATE archive_segment SET state = 'archived', archived_at = CAST((julianday('now') - 2440587.5) * 86400000000 AS integer) WHERE id = $1 AND state = 'verified'
