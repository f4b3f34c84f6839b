UPDATE outbox.job
SET after_id = $3, after_letter = $4, done = done + $5, skipped = skipped + $6, updated_at = outbox.now_us()
WHERE id = $1 AND epoch = $2
