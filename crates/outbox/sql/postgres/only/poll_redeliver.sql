-- Events of older log epochs, by plain id: all of their transactions have ended.
SELECT $1::text, id, log_epoch, xid::text, shard, tenant_id, store_id, event_id, event_key, event_type,
       schema_version, entity_type, entity_id, order_key, payload, metadata, correlation_id, causation_id,
       command_id, traceparent, agent_id, agent_key_id, created_at, written_at
FROM outbox.event_log
WHERE id > $2 AND id <= $3 AND log_epoch < $4 AND shard BETWEEN $5 AND $6 AND deliverable
ORDER BY id LIMIT $7
