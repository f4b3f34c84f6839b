UPDATE outbox.delivery_cursor AS c
SET owner = $2, epoch = c.epoch + 1, lease_until = outbox.now_us() + $3, claim_snapshot = NULL, claim_upto = NULL
FROM (SELECT shard_group FROM outbox.delivery_cursor
      WHERE destination_id = $1 AND lease_until <= outbox.now_us()
      ORDER BY shard_group LIMIT $4 FOR UPDATE SKIP LOCKED) AS free
WHERE c.destination_id = $1 AND c.shard_group = free.shard_group
RETURNING c.shard_group, c.epoch, (SELECT d.shard_groups FROM outbox.destination d WHERE d.id = $1)
