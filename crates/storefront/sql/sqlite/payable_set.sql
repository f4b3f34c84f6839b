UPDATE payable SET amount_cents = ?2, currency = ?3, user_email = ?4, standing = ?5 WHERE order_key = ?1
