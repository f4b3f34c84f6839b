UPDATE stock SET reserved = reserved - ?2 WHERE product_id = ?1
