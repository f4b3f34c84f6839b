UPDATE outbox.job
SET state = $3::text, error = $4, updated_at = outbox.now_us(), epoch = epoch + 1,
    finished_at = CASE WHEN $3 = 'paused' THEN NULL ELSE outbox.now_us() END
WHERE id = $1 AND epoch = $2
