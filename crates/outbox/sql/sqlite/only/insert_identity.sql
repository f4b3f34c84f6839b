-- The place in the log is the next one: the caller's transaction is the only writer.
INSERT INTO event_identity (tenant_id, store_id, event_id, event_key, log_id, payload_hash)
VALUES (?1, ?2, ?3, ?4, 1 + coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'event_log'), 0), ?5)
ON CONFLICT DO NOTHING
RETURNING log_id
