SELECT key_id, public_key, added_at FROM sequencer_keys ORDER BY key_id
