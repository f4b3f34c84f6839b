INSERT INTO log_records (log_index, stream_no, record)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[])
