-- Locked, because whoever reads it decides about it.
SELECT amount_cents, currency, user_email, standing FROM payable WHERE order_key = $1 FOR UPDATE
