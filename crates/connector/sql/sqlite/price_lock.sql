SELECT price_cents, currency FROM connector_price
WHERE tenant_id = $1 AND store_id = $2 AND product_id = $3
