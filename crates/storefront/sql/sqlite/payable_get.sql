-- The writing transaction is the lock.
SELECT amount_cents, currency, user_email, standing FROM payable WHERE order_key = ?1
