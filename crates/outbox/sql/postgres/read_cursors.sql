-- How far each destination is, and what the database's clock says.
SELECT destination_id, shard_group, log_epoch, prev::text, cur::text, last_id, redeliver_from, redeliver_upto,
       lease_until, claim_snapshot::text, claim_upto, settled_at, outbox.now_us()
FROM outbox.delivery_cursor
ORDER BY destination_id, shard_group
