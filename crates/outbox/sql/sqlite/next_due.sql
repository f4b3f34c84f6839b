SELECT min(due_at) - CAST((julianday('now') - 2440587.5) * 86400000000 AS integer) FROM parked_lane WHERE destination_id = $1 AND shard_group = $2
