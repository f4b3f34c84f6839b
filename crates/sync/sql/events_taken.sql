-- $1: [[event, place, receipt, flaw], …]; $2 when the reply came, $3 now
UPDATE sync_event AS e
SET state = CASE WHEN j.value ->> 3 IS NULL THEN 'acknowledged' ELSE 'delivered' END,
    delivered_at = coalesce(e.delivered_at, $2),
    acknowledged_at = CASE WHEN j.value ->> 3 IS NULL THEN coalesce(e.acknowledged_at, $3) END,
    remote_sequence = coalesce(e.remote_sequence, j.value ->> 1),
    error_code = CASE WHEN j.value ->> 3 IS NULL THEN NULL ELSE 'RECEIPT_PROVES_NOTHING' END,
    error = j.value ->> 3
FROM json_each($1) AS j
WHERE e.local_seq = j.value ->> 0 AND e.state IN ('pending', 'in_flight', 'retry_wait', 'delivered')
