SELECT id, name, kind, shard_groups FROM outbox.destination ORDER BY name
