-- Holds the letter's shard group first, as every settlement does; else the two could wait for each other.
UPDATE outbox.delivery_cursor SET settled_at = settled_at
WHERE (destination_id, shard_group) = (
    SELECT d.destination_id, d.shard_group
    FROM outbox.dead_letter l JOIN outbox.delivery d ON d.id = l.delivery_id
    WHERE l.id = $1)
