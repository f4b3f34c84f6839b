INSERT INTO connector.resource (tenant_id, store_id, connector, shop, kind, id, label)
VALUES ($1, $2, $3, $4, 'item', $5, $6)
ON CONFLICT (tenant_id, store_id, connector, shop, kind, id) DO UPDATE SET label = excluded.label
