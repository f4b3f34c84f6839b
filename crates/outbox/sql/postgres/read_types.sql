-- Every type of the scope, by leaping from one to the next along the index.
WITH RECURSIVE known (event_type) AS (
    SELECT (SELECT event_type FROM outbox.event_log WHERE tenant_id = $1 AND store_id = $2 ORDER BY event_type LIMIT 1)
    UNION ALL
    SELECT (SELECT e.event_type FROM outbox.event_log e
            WHERE e.tenant_id = $1 AND e.store_id = $2 AND e.event_type > known.event_type ORDER BY e.event_type LIMIT 1)
    FROM known WHERE known.event_type IS NOT NULL
)
SELECT event_type FROM known WHERE event_type IS NOT NULL LIMIT $3
