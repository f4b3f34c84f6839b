-- Behind the head: rows that $3 sees and $2 did not, by id, from $4 on. The planner believes that a plain condition on
-- visibility keeps one row in nine, and then rather sorts the whole backlog than walk the index for a page; it believes
-- that nearly everything is not null.
SELECT $3::text, id, log_epoch, xid::text, shard, tenant_id, store_id, event_id, event_key, event_type,
       schema_version, entity_type, entity_id, order_key, payload, metadata, correlation_id, causation_id,
       command_id, traceparent, agent_id, agent_key_id, created_at, written_at
FROM outbox.event_log
WHERE log_epoch = $1 AND id > $4 AND shard BETWEEN $5 AND $6 AND deliverable
  AND nullif(pg_visible_in_snapshot(xid, $3::text::pg_snapshot), false) IS NOT NULL
  AND nullif(pg_visible_in_snapshot(xid, $2::text::pg_snapshot), true) IS NOT NULL
ORDER BY id LIMIT $7
