SELECT key_id FROM sequencer_keys WHERE public_key = ?
