INSERT INTO outbox.delivery
    (destination_id, log_id, replay_job, tenant_id, store_id, event_id, event_type, lane, shard_group, route, route_version,
     state, reason, attempts, next_attempt_at, last_class, last_error, epoch, created_at, updated_at, finished_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::text, $13, $14, outbox.now_us() + $15, $16, $17, $18,
        outbox.now_us(), outbox.now_us(), CASE WHEN $12 IN ('delivered', 'acknowledged', 'dead', 'rejected', 'discarded') THEN outbox.now_us() END)
ON CONFLICT DO NOTHING
RETURNING id
