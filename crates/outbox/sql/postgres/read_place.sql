-- The first id from which on the log was written at $1 or later, found by halving: ids grow with time, so it needs no index
-- on time, which every write would pay for.
WITH RECURSIVE search (low, high) AS (
    SELECT coalesce(min(id), 0), coalesce(max(id), 0) + 1 FROM outbox.event_log
    UNION ALL
    SELECT CASE WHEN probe.earlier THEN (low + high) / 2 + 1 ELSE low END,
           CASE WHEN probe.earlier THEN high ELSE (low + high) / 2 END
    FROM search CROSS JOIN LATERAL (
        SELECT coalesce((SELECT e.written_at < $1 FROM outbox.event_log e WHERE e.id >= (low + high) / 2 ORDER BY e.id LIMIT 1),
                        false) AS earlier
    ) AS probe
    WHERE low < high
)
SELECT low FROM search WHERE low >= high
