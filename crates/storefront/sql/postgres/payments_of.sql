SELECT payment_id, order_key, amount_cents, currency, status, refund_id, made_at
FROM payment WHERE order_key = $1 ORDER BY made_at, payment_id
