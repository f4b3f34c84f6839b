SELECT tenant_id, store_id, lane, due_at - outbox.now_us(), reason FROM outbox.parked_lane
WHERE destination_id = $1 AND shard_group = $2 AND due_at <= outbox.now_us()
ORDER BY due_at LIMIT $3
