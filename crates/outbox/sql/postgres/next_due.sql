SELECT min(due_at) - outbox.now_us() FROM outbox.parked_lane WHERE destination_id = $1 AND shard_group = $2
