INSERT INTO logged_heads (stream_no, size, log_index)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[])
ON CONFLICT (stream_no) DO UPDATE SET size = excluded.size, log_index = excluded.log_index
