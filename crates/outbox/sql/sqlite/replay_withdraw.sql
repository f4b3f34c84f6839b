-- Deliveries of a replay that have not ended; a lane that is left empty is found so when it is due.
UPDATE delivery
SET state = 'discarded', reason = NULL, next_attempt_at = NULL, epoch = 0, updated_at = CAST((julianday('now') - 2440587.5) * 86400000000 AS integer), finished_at = CAST((julianday('now') - 2440587.5) * 86400000000 AS integer)
WHERE replay_job = $1 AND state IN ('pending', 'held', 'in_flight', 'retry_wait')
