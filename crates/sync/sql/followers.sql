-- Own open events of entity $1, $2 behind the event $4 at place $3.
SELECT e.local_seq, e.base_version, e.first_sent_at IS NOT NULL
FROM sync_event e
JOIN event_log l ON l.id = e.local_seq
WHERE e.state IN ('pending', 'in_flight', 'retry_wait') AND (e.position, e.local_seq) > ($3, $4)
  AND l.entity_type = $1 AND l.entity_id = $2
ORDER BY e.position, e.local_seq
