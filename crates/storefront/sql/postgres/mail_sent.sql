UPDATE mail SET sent_at = (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
WHERE event_id = $1 AND sent_at IS NULL
