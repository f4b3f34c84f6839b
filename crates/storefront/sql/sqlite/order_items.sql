SELECT product_id, qty, unit_price_cents FROM order_item WHERE order_id = ?1 ORDER BY place
