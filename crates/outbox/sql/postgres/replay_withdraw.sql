-- Deliveries of a replay that have not ended; a lane that is left empty is found so when it is due.
UPDATE outbox.delivery
SET state = 'discarded', reason = NULL, next_attempt_at = NULL, epoch = 0, updated_at = outbox.now_us(), finished_at = outbox.now_us()
WHERE replay_job = $1 AND state IN ('pending', 'held', 'in_flight', 'retry_wait')
