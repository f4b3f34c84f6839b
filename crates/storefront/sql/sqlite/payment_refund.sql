UPDATE payment SET status = ?2, refund_id = ?3 WHERE payment_id = ?1
