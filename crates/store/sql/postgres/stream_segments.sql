SELECT first_seq, last_seq, key_id, sealed FROM event_payload
WHERE stream_no = $1 AND first_seq >= $2 ORDER BY first_seq LIMIT $3
