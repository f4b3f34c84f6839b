SELECT id, tenant_id, store_id, event_id, lane, event_type, schema_version, sequence, payload, notes, raw, source, class, reason,
       quarantined_at
FROM quarantine WHERE consumer = $1 AND closed_at IS NULL AND id > $2 ORDER BY id LIMIT $3
