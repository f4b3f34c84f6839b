INSERT INTO outbox.receipt (destination_id, log_id, kind, remote_sequence, evidence, received_at)
VALUES ($1, $2, $3, $4, $5, outbox.now_us())
ON CONFLICT DO NOTHING
