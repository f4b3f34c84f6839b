SELECT event_id, order_key, event_type, recipient, subject, queued_at, sent_at
FROM mail WHERE order_key = ?1 ORDER BY queued_at, event_id
