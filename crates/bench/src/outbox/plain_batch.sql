INSERT INTO plain (tenant_id, store_id, event_id, shard, event_type, entity_type, entity_id, order_key, payload, created_at)
SELECT $1, $2, u.event_id, u.shard, $5, 'order', u.key, u.key, u.payload, $8
FROM unnest($3::uuid[], $4::smallint[], $6::text[], $7::text[]) AS u (event_id, shard, key, payload)
