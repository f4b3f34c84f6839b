INSERT INTO quarantine
    (id, consumer, tenant_id, store_id, source, lane, event_id, event_type, schema_version, sequence, payload, notes, raw,
     class, reason, quarantined_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, CAST((julianday('now') - 2440587.5) * 86400000000 AS integer))
ON CONFLICT DO NOTHING
