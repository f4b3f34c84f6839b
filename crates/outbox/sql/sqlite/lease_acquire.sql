UPDATE delivery_cursor
SET owner = $2, epoch = epoch + 1, lease_until = CAST((julianday('now') - 2440587.5) * 86400000000 AS integer) + $3, claim_snapshot = NULL,
    claim_upto = NULL
WHERE destination_id = $1 AND shard_group IN (
    SELECT shard_group FROM delivery_cursor
    WHERE destination_id = $1 AND lease_until <= CAST((julianday('now') - 2440587.5) * 86400000000 AS integer)
    ORDER BY shard_group LIMIT $4)
RETURNING shard_group, epoch, (SELECT d.shard_groups FROM destination d WHERE d.id = $1)
