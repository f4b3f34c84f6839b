SELECT log_id, destination_id, kind, remote_sequence, evidence, received_at
FROM receipt
WHERE log_id IN (SELECT value FROM json_each($1))
  AND destination_id IN (SELECT id FROM destination)
ORDER BY log_id, destination_id
