SELECT c.conflict_id, c.local_seq, e.position, e.event_id, c.entity_type, c.entity_id, l.event_type, c.kind,
       CASE c.kind WHEN 'version' THEN c.expected ELSE e.base_version END, c.actual,
       l.payload, l.order_key, l.schema_version, l.metadata, l.correlation_id, l.command_id, l.traceparent,
       e.first_sent_at IS NOT NULL, e.state
FROM sync_conflict c
JOIN sync_event e ON e.local_seq = c.local_seq
JOIN event_log l ON l.id = c.local_seq
WHERE c.resolved_at IS NULL
ORDER BY e.position, e.local_seq
