INSERT INTO outbox.parked_lane (destination_id, tenant_id, store_id, lane, shard_group, due_at, reason, since)
VALUES ($1, $2, $3, $4, $5, outbox.now_us() + $6, $7, outbox.now_us())
ON CONFLICT (destination_id, tenant_id, store_id, lane) DO UPDATE SET due_at = excluded.due_at, reason = excluded.reason
