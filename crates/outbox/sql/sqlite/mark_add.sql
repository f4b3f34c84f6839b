INSERT INTO delivery_mark (destination_id, shard_group, log_epoch, snapshot, upto, events, unrouted, at)
VALUES ($1, $2, $3, CAST($4 AS integer), $5, $6, $7, CAST((julianday('now') - 2440587.5) * 86400000000 AS integer))
