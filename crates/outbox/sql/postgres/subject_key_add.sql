-- Two writers may be first; the second one's key is thrown away.
INSERT INTO outbox.subject_key (tenant_id, store_id, subject, generation, master_key_id, wrapped_key, created_at)
VALUES ($1, $2, $3, $4, $5, $6, outbox.now_us())
ON CONFLICT DO NOTHING
