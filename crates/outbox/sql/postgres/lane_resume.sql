-- Wakes a lane that waited for an operator; one that flows is left alone.
UPDATE outbox.parked_lane SET due_at = outbox.now_us(), reason = 'discarded'
WHERE destination_id = $1 AND tenant_id = $2 AND store_id = $3 AND lane = $4 AND shard_group = $5
