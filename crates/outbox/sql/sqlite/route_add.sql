-- $7: whether the version starts at the beginning of the log; else it starts now.
INSERT INTO route (destination_id, name, version, type_glob, active, policy, start_log_epoch, start_snapshot, created_at)
SELECT $1, $2, $3, $4, $5, $6, CASE WHEN $7 THEN 1 ELSE log_epoch END,
       CASE WHEN $7 THEN 0 ELSE (SELECT coalesce(max(id), 0) FROM event_log) END, CAST((julianday('now') - 2440587.5) * 86400000000 AS integer)
FROM log_state
