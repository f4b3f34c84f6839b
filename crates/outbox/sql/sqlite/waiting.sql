SELECT d.replay_job, d.route, d.route_version, d.state, d.attempts,
       coalesce(d.next_attempt_at - CAST((julianday('now') - 2440587.5) * 86400000000 AS integer), 0),
       e.id, e.log_epoch, '0', e.shard, e.tenant_id, e.store_id, e.event_id, e.event_key, e.event_type,
       e.schema_version, e.entity_type, e.entity_id, e.order_key, e.payload, e.metadata, e.correlation_id,
       e.causation_id, e.command_id, e.traceparent, e.agent_id, e.agent_key_id, e.created_at, e.written_at
FROM delivery d JOIN event_log e ON e.id = d.log_id
WHERE d.destination_id = $1 AND d.shard_group = $2 AND d.tenant_id = $3 AND d.store_id = $4 AND d.lane = $5
  AND d.state IN ('pending', 'held', 'in_flight', 'retry_wait')
ORDER BY d.log_id, d.id LIMIT $6
