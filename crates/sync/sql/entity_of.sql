SELECT entity_type, entity_id FROM event_log WHERE id = $1
