-- Two writers may be first; the second one's key is thrown away.
INSERT INTO subject_key (tenant_id, store_id, subject, generation, master_key_id, wrapped_key, created_at)
VALUES ($1, $2, $3, $4, $5, $6, CAST((julianday('now') - 2440587.5) * 86400000000 AS integer))
ON CONFLICT DO NOTHING
