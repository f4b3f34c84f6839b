-- Deliveries of a replay that have not ended.
SELECT count(*) FROM delivery
WHERE replay_job = $1 AND state IN ('pending', 'held', 'in_flight', 'retry_wait')
