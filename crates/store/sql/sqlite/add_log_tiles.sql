WITH arrived (level, idx, hashes)
AS (VALUES (?, ?, ?))
INSERT INTO log_tiles (level, idx, hashes)
SELECT * FROM arrived WHERE level IS NOT NULL
