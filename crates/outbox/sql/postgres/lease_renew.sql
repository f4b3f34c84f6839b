UPDATE outbox.delivery_cursor
SET lease_until = outbox.now_us() + $4, claim_snapshot = $5::text::pg_snapshot, claim_upto = $6
WHERE destination_id = $1 AND shard_group = $2 AND epoch = $3
