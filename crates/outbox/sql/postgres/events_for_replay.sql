SELECT id, log_epoch, xid::text, shard, tenant_id, store_id, event_id, event_key, event_type,
       schema_version, entity_type, entity_id, order_key, payload, metadata, correlation_id, causation_id,
       command_id, traceparent, agent_id, agent_key_id, created_at, written_at
FROM outbox.event_log
WHERE tenant_id = $1 AND store_id = $2 AND id > $3
  AND ($4::text IS NULL OR event_type LIKE replace(replace($4, '_', '\_'), '*', '%'))
  AND ($5::text IS NULL OR correlation_id = $5)
  AND ($6::text IS NULL OR (entity_type = $6 AND entity_id = $7::text))
  AND ($8::text IS NULL OR order_key = $8)
  AND ($9::bigint IS NULL OR written_at >= $9)
  AND ($10::bigint IS NULL OR written_at < $10)
ORDER BY id LIMIT $11
