-- When an event without a row was delivered: the first mark that covers it.
SELECT min(at) FROM delivery_mark
WHERE destination_id = $1 AND shard_group = $2 AND upto >= $3
  AND snapshot >= $3
