SELECT (SELECT count(*) FROM events AS e
        WHERE e.stream_no = $1 AND e.entity_type = wanted.entity_type AND e.entity_id = wanted.entity_id)
FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS wanted(entity_type, entity_id, place)
ORDER BY wanted.place
