-- When an event without a row was delivered: the first mark that covers it.
SELECT min(at) FROM outbox.delivery_mark
WHERE destination_id = $1 AND shard_group = $2 AND upto >= $3
  AND ($4 < log_epoch OR ($4 = log_epoch AND pg_visible_in_snapshot($5::text::xid8, snapshot)))
