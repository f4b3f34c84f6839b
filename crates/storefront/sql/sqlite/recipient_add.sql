INSERT INTO recipient (order_key, amount_cents, currency, user_email) VALUES (?1, ?2, ?3, ?4)
