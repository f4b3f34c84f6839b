-- Whose rows have left the log, with events behind $1.
SELECT id, file, state, first_id, last_id, events, bytes, sha256, root FROM archive_segment
WHERE state = 'archived' AND last_id > $1 ORDER BY first_id, id LIMIT $2
