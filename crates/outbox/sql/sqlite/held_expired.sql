DELETE FROM held_event WHERE id IN (
    SELECT id FROM held_event WHERE consumer = $1 AND deadline_at <= CAST((julianday('now') - 2440587.5) * 86400000000 AS integer)
    ORDER BY deadline_at LIMIT $2)
RETURNING id, tenant_id, store_id, event_id, lane, event_type, schema_version, sequence, payload, notes, waits_for
