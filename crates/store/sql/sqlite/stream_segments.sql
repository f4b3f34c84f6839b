SELECT first_seq, last_seq, key_id, sealed FROM event_payload
WHERE stream_no = ? AND first_seq >= ? ORDER BY first_seq LIMIT ?
