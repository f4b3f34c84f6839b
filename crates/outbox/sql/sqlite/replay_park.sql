-- A replay's own lane, due at once; one that is there keeps its time, and waits if it is dead.
INSERT INTO parked_lane (destination_id, tenant_id, store_id, lane, shard_group, due_at, reason, since)
VALUES ($1, $2, $3, $4, $5, CAST((julianday('now') - 2440587.5) * 86400000000 AS integer), 'replay', CAST((julianday('now') - 2440587.5) * 86400000000 AS integer))
ON CONFLICT DO NOTHING
