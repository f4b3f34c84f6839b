-- $1: [[event, code, message], …]
UPDATE sync_event AS e
SET state = 'rejected', error_code = j.value ->> 1, error = j.value ->> 2
FROM json_each($1) AS j
WHERE e.local_seq = j.value ->> 0 AND e.state IN ('pending', 'in_flight', 'retry_wait')
