-- The first id from which on the log was written at $1 or later, found by halving: ids grow with time, so it needs no index
-- on time, which every write would pay for.
WITH RECURSIVE search (low, high) AS (
    SELECT coalesce((SELECT min(id) FROM event_log), 0), coalesce((SELECT max(id) FROM event_log), 0) + 1
    UNION ALL
    SELECT CASE WHEN (SELECT e.written_at < $1 FROM event_log e WHERE e.id >= (low + high) / 2 ORDER BY e.id LIMIT 1)
                THEN (low + high) / 2 + 1 ELSE low END,
           CASE WHEN (SELECT e.written_at < $1 FROM event_log e WHERE e.id >= (low + high) / 2 ORDER BY e.id LIMIT 1)
                THEN high ELSE (low + high) / 2 END
    FROM search WHERE low < high
)
SELECT low FROM search WHERE low >= high
