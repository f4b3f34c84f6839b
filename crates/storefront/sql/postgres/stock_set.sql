-- Changes nothing if more is reserved.
INSERT INTO stock (product_id, on_hand) VALUES ($1, $2)
ON CONFLICT (product_id) DO UPDATE SET on_hand = excluded.on_hand WHERE stock.reserved <= excluded.on_hand
