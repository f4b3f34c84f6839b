INSERT INTO mail (event_id, order_key, event_type, recipient, subject) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT DO NOTHING
