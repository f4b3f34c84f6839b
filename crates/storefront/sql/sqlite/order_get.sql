-- The writing transaction is the lock.
SELECT id, user_email, currency, amount_cents, lifecycle, payment, fulfilment, payment_id, created_at
FROM orders WHERE id = ?1
