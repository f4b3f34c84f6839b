WITH arrived (stream_no, size, log_index)
AS (VALUES (?, ?, ?))
INSERT INTO logged_heads (stream_no, size, log_index)
SELECT * FROM arrived WHERE stream_no IS NOT NULL
ON CONFLICT (stream_no) DO UPDATE SET size = excluded.size, log_index = excluded.log_index
