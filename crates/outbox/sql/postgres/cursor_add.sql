-- $3: whether the cursor starts at the beginning of the log; events of older epochs are then read by plain id. Most logs have
-- one epoch, and are not searched for older ones.
INSERT INTO outbox.delivery_cursor (destination_id, shard_group, log_epoch, prev, redeliver_upto)
SELECT $1, $2, log_epoch, CASE WHEN $3 THEN pg_snapshot '1:1:' ELSE pg_current_snapshot() END,
       CASE WHEN $3 AND s.log_epoch > 1
            THEN coalesce((SELECT max(id) FROM outbox.event_log e WHERE e.log_epoch < s.log_epoch), 0) ELSE 0 END
FROM outbox.log_state s
