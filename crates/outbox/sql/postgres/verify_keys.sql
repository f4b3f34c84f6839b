-- Keys and ids that the log has twice: kind, subject, detail.
SELECT * FROM (SELECT 'duplicate_event_key' AS kind, 'event_key:' || event_key AS subject, count(*)::text || ' events' AS detail
    FROM outbox.event_log WHERE tenant_id = $1 AND store_id = $2 AND event_key IS NOT NULL
    GROUP BY event_key HAVING count(*) > 1 LIMIT $3) AS keys
UNION ALL
SELECT * FROM (SELECT 'duplicate_event_id' AS kind, 'event:' || event_id::text AS subject, count(*)::text || ' events' AS detail
    FROM outbox.event_log WHERE tenant_id = $1 AND store_id = $2
    GROUP BY event_id HAVING count(*) > 1 LIMIT $3) AS ids
