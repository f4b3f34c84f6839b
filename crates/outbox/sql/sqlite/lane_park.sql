INSERT INTO parked_lane (destination_id, tenant_id, store_id, lane, shard_group, due_at, reason, since)
VALUES ($1, $2, $3, $4, $5, CAST((julianday('now') - 2440587.5) * 86400000000 AS integer) + $6, $7, CAST((julianday('now') - 2440587.5) * 86400000000 AS integer))
ON CONFLICT (destination_id, tenant_id, store_id, lane) DO UPDATE SET due_at = excluded.due_at, reason = excluded.reason
