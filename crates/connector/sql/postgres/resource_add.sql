-- Makes the row that resource_lock locks: two requests about a new thing come one after the other.
INSERT INTO connector.resource (tenant_id, store_id, connector, shop, kind, id) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING
