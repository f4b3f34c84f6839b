SELECT e.remote_sequence, r.body
FROM sync_event e
JOIN sync_receipt r ON r.local_seq = e.local_seq
WHERE e.remote_sequence IS NOT NULL AND r.flaw IS NULL
ORDER BY e.remote_sequence DESC
LIMIT 1
