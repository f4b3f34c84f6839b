SELECT id, kind, shard_groups FROM outbox.destination WHERE name = $1 FOR UPDATE
