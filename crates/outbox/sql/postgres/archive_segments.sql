SELECT id, file, state, first_id, last_id, events, bytes, sha256, root FROM outbox.archive_segment
WHERE id > $1 ORDER BY id LIMIT $2
