UPDATE outbox.delivery
SET state = $4::text, reason = $5, attempts = $6, next_attempt_at = outbox.now_us() + $7, last_class = coalesce($8, last_class),
    last_error = coalesce($9, last_error), epoch = $10, updated_at = outbox.now_us(), finished_at = CASE WHEN $4 IN ('delivered', 'acknowledged', 'dead', 'rejected', 'discarded') THEN outbox.now_us() END
WHERE destination_id = $1 AND log_id = $2 AND replay_job IS NOT DISTINCT FROM $3 AND state = $11
RETURNING id
