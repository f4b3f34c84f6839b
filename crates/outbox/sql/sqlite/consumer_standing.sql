SELECT (SELECT count(*) FROM held_event WHERE consumer = $1),
       (SELECT CAST((julianday('now') - 2440587.5) * 86400000000 AS integer) - min(held_at) FROM held_event WHERE consumer = $1),
       (SELECT count(*) FROM quarantine WHERE consumer = $1 AND closed_at IS NULL),
       (SELECT CAST((julianday('now') - 2440587.5) * 86400000000 AS integer) - min(quarantined_at) FROM quarantine WHERE consumer = $1 AND closed_at IS NULL)
