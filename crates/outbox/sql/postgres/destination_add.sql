INSERT INTO outbox.destination (name, kind, shard_groups, created_at)
VALUES ($1, $2, $3, outbox.now_us())
ON CONFLICT (name) DO NOTHING
RETURNING id
