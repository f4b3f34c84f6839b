INSERT INTO plain (tenant_id, store_id, event_id, shard, event_type, entity_type, entity_id, order_key, payload, created_at)
VALUES ($1, $2, $3, $4, $5, 'order', $6, $6, $7, $8)
