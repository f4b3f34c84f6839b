-- $1: [[event, place, receipt, flaw], …]
SELECT e.local_seq, e.remote_sequence, j.value ->> 1
FROM json_each($1) AS j
JOIN sync_event e ON e.local_seq = j.value ->> 0
WHERE e.remote_sequence <> (j.value ->> 1)
LIMIT 1
