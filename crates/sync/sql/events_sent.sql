-- $1: [[event, base_version as signed], …]; $2 now
UPDATE sync_event AS e
SET state = CASE e.state WHEN 'delivered' THEN 'delivered' ELSE 'in_flight' END,
    attempts = e.attempts + 1, first_sent_at = coalesce(e.first_sent_at, $2)
FROM json_each($1) AS j
WHERE e.local_seq = j.value ->> 0 AND e.base_version IS (j.value ->> 1)
  AND e.state IN ('pending', 'in_flight', 'retry_wait', 'delivered')
