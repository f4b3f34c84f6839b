SELECT size, frontier, blinding_key FROM log_state WHERE id = 1
