INSERT INTO log_state (id, blinding_key) VALUES (1, $1) ON CONFLICT (id) DO NOTHING
