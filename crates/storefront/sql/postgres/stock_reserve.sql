-- Changes nothing if there is too little.
UPDATE stock SET reserved = reserved + $2 WHERE product_id = $1 AND on_hand - reserved >= $2
