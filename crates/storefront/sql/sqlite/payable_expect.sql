-- A row to lock, also for an order that was not heard of yet.
INSERT INTO payable (order_key) VALUES (?1) ON CONFLICT DO NOTHING
