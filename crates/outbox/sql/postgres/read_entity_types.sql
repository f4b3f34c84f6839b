-- Every entity type of the scope, by leaping from one to the next along the index.
WITH RECURSIVE known (entity_type) AS (
    SELECT (SELECT entity_type FROM outbox.event_log WHERE tenant_id = $1 AND store_id = $2
            ORDER BY entity_type, entity_id LIMIT 1)
    UNION ALL
    SELECT (SELECT e.entity_type FROM outbox.event_log e
            WHERE e.tenant_id = $1 AND e.store_id = $2 AND e.entity_type > known.entity_type
            ORDER BY e.entity_type, e.entity_id LIMIT 1)
    FROM known WHERE known.entity_type IS NOT NULL
)
SELECT entity_type FROM known WHERE entity_type IS NOT NULL LIMIT $3
