UPDATE outbox.quarantine SET closed_at = outbox.now_us(), resolution = $3, note = $4, actor = $5
WHERE consumer = $1 AND id = $2 AND closed_at IS NULL
