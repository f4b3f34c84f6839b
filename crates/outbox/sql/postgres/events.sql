-- $1 is a JSON array of ids.
SELECT id, log_epoch, xid::text, shard, tenant_id, store_id, event_id, event_key, event_type,
       schema_version, entity_type, entity_id, order_key, payload, metadata, correlation_id, causation_id,
       command_id, traceparent, agent_id, agent_key_id, created_at, written_at
FROM outbox.event_log
WHERE id IN (SELECT value::bigint FROM jsonb_array_elements_text($1::text::jsonb))
ORDER BY id
