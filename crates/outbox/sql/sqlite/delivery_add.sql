INSERT INTO delivery
    (destination_id, log_id, replay_job, tenant_id, store_id, event_id, event_type, lane, shard_group, route, route_version,
     state, reason, attempts, next_attempt_at, last_class, last_error, epoch, created_at, updated_at, finished_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, CAST((julianday('now') - 2440587.5) * 86400000000 AS integer) + $15, $16, $17, $18,
        CAST((julianday('now') - 2440587.5) * 86400000000 AS integer), CAST((julianday('now') - 2440587.5) * 86400000000 AS integer), CASE WHEN $12 IN ('delivered', 'acknowledged', 'dead', 'rejected', 'discarded') THEN CAST((julianday('now') - 2440587.5) * 86400000000 AS integer) END)
ON CONFLICT DO NOTHING
RETURNING id
