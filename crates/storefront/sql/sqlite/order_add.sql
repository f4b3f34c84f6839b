INSERT INTO orders (user_email, currency, amount_cents, lifecycle, payment, fulfilment)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
RETURNING id
