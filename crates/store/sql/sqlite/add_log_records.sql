WITH arrived (log_index, stream_no, record)
AS (VALUES (?, ?, ?))
INSERT INTO log_records (log_index, stream_no, record)
SELECT * FROM arrived WHERE log_index IS NOT NULL
