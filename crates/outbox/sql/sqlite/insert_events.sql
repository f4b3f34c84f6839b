INSERT INTO event_log
    (id, tenant_id, store_id, event_id, event_key, shard, event_type, schema_version, entity_type, entity_id, order_key,
     payload, metadata, correlation_id, causation_id, command_id, traceparent, agent_id, agent_key_id, created_at,
     deliverable)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)
