-- The oldest events that may leave: every rule for them says so, every destination is past them, nothing waits for them.
SELECT e.deliverable, i.payload_hash,
       e.id, e.log_epoch, '0', e.shard, e.tenant_id, e.store_id, e.event_id, e.event_key, e.event_type,
       e.schema_version, e.entity_type, e.entity_id, e.order_key, e.payload, e.metadata, e.correlation_id, e.causation_id,
       e.command_id, e.traceparent, e.agent_id, e.agent_key_id, e.created_at, e.written_at
FROM event_log e
LEFT JOIN event_identity i
    ON i.tenant_id = e.tenant_id AND i.store_id = e.store_id AND i.event_id = e.event_id AND i.log_id = e.id
WHERE e.id > $1 AND NOT EXISTS (SELECT 1 FROM archive_pending p WHERE p.log_id = e.id)
  AND (SELECT coalesce(min(NOT r.legal_hold AND e.written_at + r.keep_us < CAST((julianday('now') - 2440587.5) * 86400000000 AS integer)), 0)
       FROM retention r
       WHERE (r.tenant_id IS NULL OR r.tenant_id = e.tenant_id) AND (r.store_id IS NULL OR r.store_id = e.store_id)
         AND e.event_type GLOB r.type_glob)
  AND (NOT e.deliverable OR NOT EXISTS (
       SELECT 1 FROM delivery_cursor c JOIN destination d ON d.id = c.destination_id
       WHERE c.shard_group = e.shard * d.shard_groups / 64
         AND (e.id > CAST(c.prev AS integer) OR (e.id > c.redeliver_from AND e.id <= c.redeliver_upto))))
  AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.log_id = e.id
                  AND d.state NOT IN ('delivered', 'acknowledged', 'rejected', 'discarded'))
ORDER BY e.id LIMIT $2
