UPDATE shipment SET status = $2, carrier = $3, tracking_number = $4 WHERE id = $1
