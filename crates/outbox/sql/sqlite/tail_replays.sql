-- Events that were delivered again by a replay, behind the last one that the reader has ($1).
SELECT d.id, d.replay_job, e.id, e.log_epoch, '0', e.shard, e.tenant_id, e.store_id, e.event_id, e.event_key,
       e.event_type, e.schema_version, e.entity_type, e.entity_id, e.order_key, e.payload, e.metadata, e.correlation_id,
       e.causation_id, e.command_id, e.traceparent, e.agent_id, e.agent_key_id, e.created_at, e.written_at
FROM delivery d
JOIN event_log e ON e.id = d.log_id
WHERE d.id > $1 AND d.replay_job IS NOT NULL
ORDER BY d.id LIMIT $2
