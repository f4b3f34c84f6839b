-- No cursor, no snapshot: the fastest way to read a table once.
SELECT id, xid::text, shard, tenant_id, store_id, event_id, event_key, event_type, schema_version, entity_type, entity_id,
       order_key, payload, metadata, correlation_id, causation_id, command_id, traceparent, agent_id, agent_key_id,
       created_at, written_at
FROM plain WHERE id > $1 ORDER BY id LIMIT $2
