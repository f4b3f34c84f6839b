SELECT stream_no, tenant_id, store_id, size, root, last_at, head_key_id, head_signature, opened_at
FROM streams ORDER BY stream_no DESC LIMIT $1
