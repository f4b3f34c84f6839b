UPDATE outbox.dead_letter SET closed_at = outbox.now_us(), resolution = $2, reason = $3, actor = $4
WHERE id = $1 AND closed_at IS NULL
RETURNING delivery_id
