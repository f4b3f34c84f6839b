-- A round without records publishes a new note for the same size.
INSERT INTO checkpoints (size, note, created_at) VALUES (?, ?, ?)
ON CONFLICT (size) DO UPDATE SET note = excluded.note, created_at = excluded.created_at
