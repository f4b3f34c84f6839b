SELECT version FROM sync_entity WHERE entity_type = $1 AND entity_id = $2
