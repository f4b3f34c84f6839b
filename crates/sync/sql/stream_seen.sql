UPDATE sync_stream
SET seen_size = $2, seen_root = $3, seen_at_us = $4, seen_key = $5, seen_signature = $6
WHERE stream = $1 AND seen_size <= $2
