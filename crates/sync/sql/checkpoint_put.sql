INSERT INTO sync_checkpoint (only_row, size, root, note, seen_at) VALUES (1, $1, $2, $3, $4)
ON CONFLICT (only_row) DO UPDATE SET size = excluded.size, root = excluded.root, note = excluded.note, seen_at = excluded.seen_at
WHERE excluded.size >= size
