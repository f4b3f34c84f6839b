-- The rows of a segment that has not left yet.
SELECT e.deliverable, i.payload_hash,
       e.id, e.log_epoch, '0', e.shard, e.tenant_id, e.store_id, e.event_id, e.event_key, e.event_type,
       e.schema_version, e.entity_type, e.entity_id, e.order_key, e.payload, e.metadata, e.correlation_id, e.causation_id,
       e.command_id, e.traceparent, e.agent_id, e.agent_key_id, e.created_at, e.written_at
FROM archive_pending p JOIN event_log e ON e.id = p.log_id
LEFT JOIN event_identity i
    ON i.tenant_id = e.tenant_id AND i.store_id = e.store_id AND i.event_id = e.event_id AND i.log_id = e.id
WHERE p.segment_id = $1 AND p.log_id > $2 ORDER BY e.id LIMIT $3
