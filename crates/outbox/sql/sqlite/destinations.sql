SELECT id, name, kind, shard_groups FROM destination ORDER BY name
