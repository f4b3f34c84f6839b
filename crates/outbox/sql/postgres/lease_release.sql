UPDATE outbox.delivery_cursor
SET owner = NULL, lease_until = 0, claim_snapshot = NULL, claim_upto = NULL
WHERE destination_id = $1 AND shard_group = $2 AND epoch = $3
