-- Version of entity $3, $4 of store $1, $2 as this machine knows it: what was pulled, and own events before $5 that were not
-- pulled. The last own event that names a version counts before what was pulled: what comes next builds on it.
WITH mine AS (
    SELECT e.local_seq, e.base_version
    FROM event_log l
    JOIN sync_event e ON e.local_seq = l.id
    WHERE l.tenant_id = $1 AND l.store_id = $2 AND l.entity_type = $3 AND l.entity_id = $4 AND l.id < $5
      AND (e.state NOT IN ('rejected', 'discarded')
           OR EXISTS (SELECT 1 FROM sync_conflict c WHERE c.local_seq = e.local_seq AND c.resolved_at IS NULL))
      AND NOT EXISTS (SELECT 1 FROM sync_pulled p WHERE p.event_id = e.event_id)
), last AS (
    SELECT local_seq, base_version FROM mine WHERE base_version IS NOT NULL ORDER BY local_seq DESC LIMIT 1
)
SELECT coalesce((SELECT base_version + 1 FROM last),
                (SELECT version FROM sync_entity WHERE entity_type = $3 AND entity_id = $4), 0)
     + (SELECT count(*) FROM mine WHERE local_seq > coalesce((SELECT local_seq FROM last), 0))
