UPDATE event_payload SET key_id = ?, sealed = ?
WHERE stream_no = ? AND first_seq = ? AND last_seq = ? AND sealed = ? AND key_id IS ?
