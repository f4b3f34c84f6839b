INSERT INTO destination (name, kind, shard_groups, created_at)
VALUES ($1, $2, $3, CAST((julianday('now') - 2440587.5) * 86400000000 AS integer))
ON CONFLICT (name) DO NOTHING
RETURNING id
