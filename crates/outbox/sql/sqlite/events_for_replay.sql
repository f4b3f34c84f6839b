SELECT id, log_epoch, '0', shard, tenant_id, store_id, event_id, event_key, event_type, schema_version,
       entity_type, entity_id, order_key, payload, metadata, correlation_id, causation_id, command_id,
       traceparent, agent_id, agent_key_id, created_at, written_at
FROM event_log
WHERE tenant_id = $1 AND store_id = $2 AND id > $3
  AND ($4 IS NULL OR event_type GLOB $4)
  AND ($5 IS NULL OR correlation_id = $5)
  AND ($6 IS NULL OR (entity_type = $6 AND entity_id = $7))
  AND ($8 IS NULL OR order_key = $8)
  AND ($9 IS NULL OR written_at >= $9)
  AND ($10 IS NULL OR written_at < $10)
ORDER BY id LIMIT $11
