UPDATE delivery_cursor
SET lease_until = CAST((julianday('now') - 2440587.5) * 86400000000 AS integer) + $4, claim_snapshot = CAST($5 AS integer), claim_upto = $6
WHERE destination_id = $1 AND shard_group = $2 AND epoch = $3
