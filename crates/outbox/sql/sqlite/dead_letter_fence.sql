-- Holds the letter's shard group first, as every settlement does; else the two could wait for each other.
UPDATE delivery_cursor SET settled_at = settled_at
WHERE (destination_id, shard_group) = (
    SELECT d.destination_id, d.shard_group
    FROM dead_letter l JOIN delivery d ON d.id = l.delivery_id
    WHERE l.id = $1)
