SELECT e.event_id, l.event_type, l.written_at
FROM sync_event e INDEXED BY sync_event_open
CROSS JOIN event_log l ON l.id = e.local_seq
WHERE e.state IN ('pending', 'in_flight', 'retry_wait', 'delivered') AND e.delivered_at IS NULL
ORDER BY e.position, e.local_seq
LIMIT 1
