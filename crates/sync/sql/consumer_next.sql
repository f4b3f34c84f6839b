-- $1 consumer, $2 most events
SELECT sequence, event_id, entity_type, entity_id, entity_version, event_type, agent_id, signed, own, envelope
FROM sync_pulled
WHERE sequence > coalesce((SELECT sequence FROM sync_consumer WHERE consumer = $1), 0)
ORDER BY sequence
LIMIT $2
