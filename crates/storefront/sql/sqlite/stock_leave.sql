UPDATE stock SET reserved = reserved - ?2, on_hand = on_hand - ?2 WHERE product_id = ?1
