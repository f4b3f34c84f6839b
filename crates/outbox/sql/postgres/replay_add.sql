-- A second delivery of an event; nothing if the job has made it before.
INSERT INTO outbox.delivery
    (destination_id, log_id, replay_job, tenant_id, store_id, event_id, event_type, lane, shard_group, route, route_version,
     state, attempts, epoch, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'pending', 0, 0, outbox.now_us(), outbox.now_us())
ON CONFLICT DO NOTHING
