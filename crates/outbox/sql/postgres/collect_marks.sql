-- The newest mark of a shard group stays: it says when the group was last delivered.
DELETE FROM outbox.delivery_mark WHERE ctid IN (
    SELECT m.ctid FROM outbox.delivery_mark m
    WHERE m.at < outbox.now_us() - $1 AND EXISTS (
        SELECT 1 FROM outbox.delivery_mark n
        WHERE n.destination_id = m.destination_id AND n.shard_group = m.shard_group AND n.at > m.at)
    LIMIT $2)
