-- Open events behind place ($1, $2) of store $3, $4 that agent $5 signs, at most $6. Later events of an entity with an open
-- conflict are held, unless they were sent before: what the sequencer may have is sent until it says so.
SELECT e.position, e.local_seq, e.base_version, l.event_id, l.event_type, l.schema_version, l.entity_type, l.entity_id,
       l.order_key, l.payload, l.correlation_id, l.causation_id, l.command_id, l.agent_key_id, l.created_at
FROM sync_event e INDEXED BY sync_event_open
CROSS JOIN event_log l ON l.id = e.local_seq -- in this order
WHERE e.state IN ('pending', 'in_flight', 'retry_wait', 'delivered') AND (e.position, e.local_seq) > ($1, $2)
  AND l.tenant_id = $3 AND l.store_id = $4 AND l.agent_id = $5
  AND (e.first_sent_at IS NOT NULL
       OR NOT EXISTS (SELECT 1 FROM sync_conflict c
                      WHERE c.resolved_at IS NULL AND c.entity_type = l.entity_type AND c.entity_id = l.entity_id))
ORDER BY e.position, e.local_seq
LIMIT $6
