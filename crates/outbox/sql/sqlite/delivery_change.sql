UPDATE delivery
SET state = $4, reason = $5, attempts = $6, next_attempt_at = CAST((julianday('now') - 2440587.5) * 86400000000 AS integer) + $7, last_class = coalesce($8, last_class),
    last_error = coalesce($9, last_error), epoch = $10, updated_at = CAST((julianday('now') - 2440587.5) * 86400000000 AS integer), finished_at = CASE WHEN $4 IN ('delivered', 'acknowledged', 'dead', 'rejected', 'discarded') THEN CAST((julianday('now') - 2440587.5) * 86400000000 AS integer) END
WHERE destination_id = $1 AND log_id = $2 AND replay_job IS $3 AND state = $11
RETURNING id
