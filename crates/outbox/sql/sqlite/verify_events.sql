-- Events with the identity that belongs to them, page by page.
SELECT e.id, e.event_id, e.event_key, e.shard, e.entity_type, e.entity_id, e.order_key, e.payload, e.created_at, e.written_at,
       i.log_id, i.event_key, i.payload_hash
FROM event_log e
LEFT JOIN event_identity i ON i.tenant_id = e.tenant_id AND i.store_id = e.store_id AND i.event_id = e.event_id
WHERE e.tenant_id = $1 AND e.store_id = $2 AND e.id > $3 AND e.id <= $4
ORDER BY e.id LIMIT $5
