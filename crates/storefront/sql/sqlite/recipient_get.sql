SELECT amount_cents, currency, user_email FROM recipient WHERE order_key = ?1
