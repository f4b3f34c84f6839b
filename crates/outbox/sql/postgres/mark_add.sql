INSERT INTO outbox.delivery_mark (destination_id, shard_group, log_epoch, snapshot, upto, events, unrouted, at)
VALUES ($1, $2, $3, $4::text::pg_snapshot, $5, $6, $7, outbox.now_us())
