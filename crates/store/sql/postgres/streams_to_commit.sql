SELECT s.stream_no, s.tenant_id, s.store_id, s.size, s.root, s.last_at, s.head_key_id, s.head_signature, s.opened_at
FROM streams AS s
WHERE s.size > coalesce((SELECT max(b.end_seq) FROM batches AS b WHERE b.stream_no = s.stream_no), 0)
ORDER BY s.stream_no LIMIT $1
