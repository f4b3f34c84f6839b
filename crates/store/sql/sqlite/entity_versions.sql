WITH wanted (place, stream_no, entity_type, entity_id)
AS (VALUES (?, ?, ?, ?))
SELECT (SELECT count(*) FROM events AS e
        WHERE e.stream_no = w.stream_no AND e.entity_type = w.entity_type AND e.entity_id = w.entity_id)
FROM wanted AS w
WHERE w.place IS NOT NULL
ORDER BY w.place
