INSERT INTO order_item (order_id, place, product_id, qty, unit_price_cents) VALUES ($1, $2, $3, $4, $5)
