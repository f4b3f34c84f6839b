-- The newest mark of a shard group stays: it says when the group was last delivered.
DELETE FROM delivery_mark WHERE rowid IN (
    SELECT m.rowid FROM delivery_mark m
    WHERE m.at < CAST((julianday('now') - 2440587.5) * 86400000000 AS integer) - $1 AND EXISTS (
        SELECT 1 FROM delivery_mark n
        WHERE n.destination_id = m.destination_id AND n.shard_group = m.shard_group AND n.at > m.at)
    LIMIT $2)
