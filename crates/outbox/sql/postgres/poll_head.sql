-- At the head of the log: rows of transactions that the last snapshot ($2) did not see, and this statement's own snapshot.
-- The order within a range is there to make the planner use the index on xid. A row beyond the limit means: too many, page
-- by id instead.
WITH now AS MATERIALIZED (SELECT pg_current_snapshot() AS seen)
SELECT now.seen::text, e.id, e.log_epoch, e.xid::text, e.shard, e.tenant_id, e.store_id, e.event_id, e.event_key,
       e.event_type, e.schema_version, e.entity_type, e.entity_id, e.order_key, e.payload, e.metadata,
       e.correlation_id, e.causation_id, e.command_id, e.traceparent, e.agent_id, e.agent_key_id,
       e.created_at, e.written_at
FROM now LEFT JOIN LATERAL (
    SELECT log.* FROM outbox.unseen_by($2::text::pg_snapshot) AS unseen, LATERAL (
        SELECT * FROM outbox.event_log
        WHERE log_epoch = $1 AND xid >= unseen.first AND xid <= unseen.last AND shard BETWEEN $3 AND $4 AND deliverable
        ORDER BY log_epoch, xid, id LIMIT $5
    ) AS log
    LIMIT $5
) AS e ON true
ORDER BY e.id
