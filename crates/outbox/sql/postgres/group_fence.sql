-- Holds a shard group before anything in it is changed, as every settlement does; else the two could wait for each other.
UPDATE outbox.delivery_cursor SET settled_at = settled_at WHERE destination_id = $1 AND shard_group = $2
