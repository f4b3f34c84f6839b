-- What happened to entity $1, $2 behind its version $3, newest first.
SELECT sequence, event_type, agent_id
FROM sync_pulled
WHERE entity_type = $1 AND entity_id = $2 AND entity_version > $3
ORDER BY sequence DESC
LIMIT 20
