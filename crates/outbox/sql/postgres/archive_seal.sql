INSERT INTO outbox.archive_segment (file, state, first_id, last_id, events, bytes, sha256, root, sealed_at)
VALUES ($1, 'sealed', $2, $3, $4, $5, $6, $7, outbox.now_us()) RETURNING id
