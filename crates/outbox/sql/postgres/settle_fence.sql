-- Holds the shard group until the transaction ends, for work that does not move its cursor.
UPDATE outbox.delivery_cursor SET settled_at = outbox.now_us()
WHERE destination_id = $1 AND shard_group = $2 AND epoch = $3
