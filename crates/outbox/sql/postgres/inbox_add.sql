INSERT INTO outbox.inbox (consumer, tenant_id, store_id, event_id, received_at)
VALUES ($1, $2, $3, $4, outbox.now_us())
ON CONFLICT DO NOTHING
