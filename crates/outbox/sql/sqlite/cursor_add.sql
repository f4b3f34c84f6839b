-- $3: whether the cursor starts at the beginning of the log.
INSERT INTO delivery_cursor (destination_id, shard_group, log_epoch, prev)
SELECT $1, $2, log_epoch, CASE WHEN $3 THEN 0 ELSE (SELECT coalesce(max(id), 0) FROM event_log) END
FROM log_state
