-- Own events whose place, by their receipt, is in $1 to $2, and that are not what was pulled there.
SELECT e.event_id, r.remote_sequence
FROM sync_receipt r
JOIN sync_event e ON e.local_seq = r.local_seq
WHERE r.flaw IS NULL AND r.remote_sequence BETWEEN $1 AND $2
  AND NOT EXISTS (SELECT 1 FROM sync_pulled p WHERE p.sequence = r.remote_sequence AND p.event_id = e.event_id)
  AND NOT EXISTS (SELECT 1 FROM sync_quarantine q WHERE q.stream = 'events' AND q.sequence = r.remote_sequence)
LIMIT 1
