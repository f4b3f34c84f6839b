-- Where the cursor is, if the lease still holds; and whether this server can have written what it says.
SELECT log_epoch, prev::text, cur::text, last_id, redeliver_from, redeliver_upto,
       pg_is_in_recovery() AS standby,
       greatest(pg_snapshot_xmax(prev), pg_snapshot_xmax(coalesce(cur, prev))) > pg_snapshot_xmax(pg_current_snapshot()) AS ahead
FROM outbox.delivery_cursor
WHERE destination_id = $1 AND shard_group = $2 AND epoch = $3
