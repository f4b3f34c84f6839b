INSERT INTO connector.price (tenant_id, store_id, product_id, price_cents, currency, changed_by)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (tenant_id, store_id, product_id)
DO UPDATE SET price_cents = excluded.price_cents, currency = excluded.currency, changed_by = excluded.changed_by
