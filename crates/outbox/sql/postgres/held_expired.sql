DELETE FROM outbox.held_event WHERE id IN (
    SELECT id FROM outbox.held_event WHERE consumer = $1 AND deadline_at <= outbox.now_us()
    ORDER BY deadline_at LIMIT $2 FOR UPDATE SKIP LOCKED)
RETURNING id, tenant_id, store_id, event_id, lane, event_type, schema_version, sequence, payload, notes, waits_for
