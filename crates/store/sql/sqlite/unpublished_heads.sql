SELECT s.stream_no, s.tenant_id, s.store_id, s.size, s.root, s.last_at, s.head_key_id, s.head_signature, s.opened_at,
       h.log_index
FROM streams AS s LEFT JOIN logged_heads AS h USING (stream_no)
WHERE s.size > coalesce(h.size, 0)
ORDER BY s.stream_no LIMIT ?
