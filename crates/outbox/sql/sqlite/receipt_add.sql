INSERT INTO receipt (destination_id, log_id, kind, remote_sequence, evidence, received_at)
VALUES ($1, $2, $3, $4, $5, CAST((julianday('now') - 2440587.5) * 86400000000 AS integer))
ON CONFLICT DO NOTHING
