SELECT id, order_key, amount_cents, currency, user_email, status, carrier, tracking_number, created_at
FROM shipment WHERE order_key = $1
