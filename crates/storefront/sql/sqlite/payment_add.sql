INSERT INTO payment (payment_id, order_key, amount_cents, currency, status) VALUES (?1, ?2, ?3, ?4, ?5)
RETURNING made_at
