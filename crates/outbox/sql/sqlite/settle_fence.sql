-- Holds the shard group until the transaction ends, for work that does not move its cursor.
UPDATE delivery_cursor SET settled_at = CAST((julianday('now') - 2440587.5) * 86400000000 AS integer)
WHERE destination_id = $1 AND shard_group = $2 AND epoch = $3
