INSERT INTO outbox.held_event
    (consumer, tenant_id, store_id, lane, event_id, event_type, schema_version, sequence, payload, notes, reason, waits_for,
     held_at, deadline_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, outbox.now_us(), outbox.now_us() + $13)
