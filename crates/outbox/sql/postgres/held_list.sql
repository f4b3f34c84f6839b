SELECT id, tenant_id, store_id, event_id, lane, event_type, schema_version, sequence, payload, notes, waits_for, held_at, deadline_at
FROM outbox.held_event WHERE consumer = $1 AND id > $2 ORDER BY id LIMIT $3
