-- Deliveries of a replay that have not ended.
SELECT count(*)::bigint FROM outbox.delivery
WHERE replay_job = $1 AND state IN ('pending', 'held', 'in_flight', 'retry_wait')
