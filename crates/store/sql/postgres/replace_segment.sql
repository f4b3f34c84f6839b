UPDATE event_payload SET key_id = $1, sealed = $2
WHERE stream_no = $3 AND first_seq = $4 AND last_seq = $5 AND sealed = $6 AND key_id IS NOT DISTINCT FROM $7
