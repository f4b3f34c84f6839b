-- $1 is a JSON array of ids.
SELECT id, log_epoch, '0', shard, tenant_id, store_id, event_id, event_key, event_type, schema_version,
       entity_type, entity_id, order_key, payload, metadata, correlation_id, causation_id, command_id,
       traceparent, agent_id, agent_key_id, created_at, written_at
FROM event_log
WHERE id IN (SELECT value FROM json_each($1))
ORDER BY id
