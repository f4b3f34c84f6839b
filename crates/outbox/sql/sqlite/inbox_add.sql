INSERT INTO inbox (consumer, tenant_id, store_id, event_id, received_at)
VALUES ($1, $2, $3, $4, CAST((julianday('now') - 2440587.5) * 86400000000 AS integer))
ON CONFLICT DO NOTHING
