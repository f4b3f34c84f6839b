-- An own event $1 was found in the log at place $2, at $3: it is there, whatever reply was lost.
UPDATE sync_event
SET state = CASE WHEN state = 'acknowledged' THEN state ELSE 'delivered' END,
    delivered_at = coalesce(delivered_at, $3), remote_sequence = coalesce(remote_sequence, $2)
WHERE event_id = $1 AND state IN ('pending', 'in_flight', 'retry_wait', 'delivered', 'acknowledged')
