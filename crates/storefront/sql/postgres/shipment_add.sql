INSERT INTO shipment (order_key, amount_cents, currency, user_email, status) VALUES ($1, $2, $3, $4, $5)
RETURNING id
