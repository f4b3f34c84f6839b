INSERT INTO checkpoints (size, note, created_at) VALUES ($1, $2, $3)
