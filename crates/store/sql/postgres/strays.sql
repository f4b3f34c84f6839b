-- Rows that no stream or log can have, of one snapshot: behind their stream's head, or without a stream.
SELECT 'events', count(*) FROM events AS r LEFT JOIN streams AS s USING (stream_no) WHERE s.size IS NULL OR r.seq > s.size
UNION ALL SELECT 'event_payload', count(*) FROM event_payload AS r LEFT JOIN streams AS s USING (stream_no)
WHERE s.size IS NULL OR r.last_seq > s.size
UNION ALL SELECT 'stream_tiles', count(*) FROM stream_tiles AS r LEFT JOIN streams AS s USING (stream_no)
WHERE s.size IS NULL OR (r.idx + 1) * 256 > s.size
UNION ALL SELECT 'batches', count(*) FROM batches AS r LEFT JOIN streams AS s USING (stream_no)
WHERE s.size IS NULL OR r.end_seq > s.size
UNION ALL SELECT 'cursors', count(*) FROM cursors AS r LEFT JOIN streams AS s USING (stream_no)
WHERE s.size IS NULL OR r.acknowledged > s.size
UNION ALL SELECT 'logged_heads', count(*) FROM logged_heads AS r LEFT JOIN streams AS s USING (stream_no)
WHERE s.size IS NULL OR r.size > s.size
UNION ALL SELECT 'agent_keys', count(*) FROM agent_keys AS r
LEFT JOIN streams AS s ON s.tenant_id = r.tenant_id AND s.store_id = '00000000-0000-0000-0000-000000000000'
WHERE s.size IS NULL OR r.registered > s.size
UNION ALL SELECT 'log_records', count(*) FROM log_records WHERE log_index >= coalesce((SELECT size FROM log_state), 0)
UNION ALL SELECT 'log_tiles', count(*) FROM log_tiles WHERE (idx + 1) * 256 > coalesce((SELECT size FROM log_state), 0)
UNION ALL SELECT 'checkpoints', count(*) FROM checkpoints WHERE size > coalesce((SELECT size FROM log_state), 0)
