INSERT INTO log_tiles (level, idx, hashes)
SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::bytea[])
