-- Where the cursor is, if the lease still holds; and whether this file can have held what it says.
SELECT log_epoch, CAST(prev AS text), CAST(cur AS text), last_id, redeliver_from, redeliver_upto,
       0 AS standby,
       prev > coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'event_log'), 0) AS ahead
FROM delivery_cursor
WHERE destination_id = $1 AND shard_group = $2 AND epoch = $3
