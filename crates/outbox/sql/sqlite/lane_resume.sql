-- Wakes a lane that waited for an operator; one that flows is left alone.
UPDATE parked_lane SET due_at = CAST((julianday('now') - 2440587.5) * 86400000000 AS integer), reason = 'discarded'
WHERE destination_id = $1 AND tenant_id = $2 AND store_id = $3 AND lane = $4 AND shard_group = $5
