-- $7: whether the version starts at the beginning of the log; else it starts now.
INSERT INTO outbox.route (destination_id, name, version, type_glob, active, policy, start_log_epoch, start_snapshot, created_at)
SELECT $1, $2, $3, $4, $5, $6, CASE WHEN $7 THEN 1 ELSE log_epoch END,
       CASE WHEN $7 THEN pg_snapshot '1:1:' ELSE pg_current_snapshot() END, outbox.now_us()
FROM outbox.log_state
