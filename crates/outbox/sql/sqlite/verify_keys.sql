-- Keys and ids that the log has twice: kind, subject, detail.
SELECT * FROM (SELECT 'duplicate_event_key' AS kind, 'event_key:' || event_key AS subject, CAST(count(*) AS text) || ' events' AS detail
    FROM event_log WHERE tenant_id = $1 AND store_id = $2 AND event_key IS NOT NULL
    GROUP BY event_key HAVING count(*) > 1 LIMIT $3) AS keys
UNION ALL
SELECT * FROM (SELECT 'duplicate_event_id' AS kind, 'event:' || lower(hex(event_id)) AS subject, CAST(count(*) AS text) || ' events' AS detail
    FROM event_log WHERE tenant_id = $1 AND store_id = $2
    GROUP BY event_id HAVING count(*) > 1 LIMIT $3) AS ids
