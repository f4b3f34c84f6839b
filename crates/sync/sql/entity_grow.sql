INSERT INTO sync_entity (entity_type, entity_id, version) VALUES ($1, $2, 1)
ON CONFLICT (entity_type, entity_id) DO UPDATE SET version = version + 1
RETURNING version
