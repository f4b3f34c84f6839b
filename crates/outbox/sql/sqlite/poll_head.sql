-- Ids become visible in order: everything behind the last one ($1), and how far this statement could see.
WITH now AS MATERIALIZED (SELECT coalesce(max(id), 0) AS seen FROM event_log)
SELECT CAST(max(now.seen, $1) AS text), e.id, e.log_epoch, '0', e.shard, e.tenant_id, e.store_id, e.event_id, e.event_key, e.event_type,
       e.schema_version, e.entity_type, e.entity_id, e.order_key, e.payload, e.metadata, e.correlation_id,
       e.causation_id, e.command_id, e.traceparent, e.agent_id, e.agent_key_id, e.created_at, e.written_at
FROM now LEFT JOIN (
    SELECT * FROM event_log
    WHERE id > $1 AND shard BETWEEN $2 AND $3 AND deliverable
    ORDER BY id LIMIT $4
) AS e ON true
ORDER BY e.id
