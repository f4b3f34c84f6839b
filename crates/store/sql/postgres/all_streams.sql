SELECT stream_no, tenant_id, store_id, size, root, last_at, head_key_id, head_signature, opened_at, frontier
FROM streams WHERE stream_no > $1 ORDER BY stream_no LIMIT $2
