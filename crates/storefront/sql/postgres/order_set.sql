UPDATE orders SET lifecycle = $2, payment = $3, fulfilment = $4, payment_id = $5 WHERE id = $1
