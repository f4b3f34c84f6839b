INSERT INTO checkpoints (size, note, created_at) VALUES ($1, $2, $3)
ON CONFLICT (size) DO UPDATE SET note = excluded.note, created_at = excluded.created_at
