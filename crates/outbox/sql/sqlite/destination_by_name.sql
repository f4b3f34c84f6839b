SELECT id, kind, shard_groups FROM destination WHERE name = $1
