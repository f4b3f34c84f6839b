-- In the order in which the producer wrote them, as far as it is known. Locked, so that no deadline takes one away.
SELECT id, tenant_id, store_id, event_id, lane, event_type, schema_version, sequence, payload, notes FROM held_event
WHERE consumer = $1 AND tenant_id = $2 AND store_id = $3 AND lane = $4
ORDER BY sequence NULLS LAST, id
