-- How far each destination is, and what the database's clock says.
SELECT destination_id, shard_group, log_epoch, CAST(prev AS text), CAST(cur AS text), last_id, redeliver_from, redeliver_upto,
       lease_until, CAST(claim_snapshot AS text), claim_upto, settled_at, CAST((julianday('now') - 2440587.5) * 86400000000 AS integer)
FROM delivery_cursor
ORDER BY destination_id, shard_group
