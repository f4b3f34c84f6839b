-- A replay's own lane, due at once; one that is there keeps its time, and waits if it is dead.
INSERT INTO outbox.parked_lane (destination_id, tenant_id, store_id, lane, shard_group, due_at, reason, since)
VALUES ($1, $2, $3, $4, $5, outbox.now_us(), 'replay', outbox.now_us())
ON CONFLICT DO NOTHING
