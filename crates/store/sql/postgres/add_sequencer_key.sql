INSERT INTO sequencer_keys (key_id, public_key, added_at)
SELECT coalesce(max(key_id), 0) + 1, $1, $2 FROM sequencer_keys
ON CONFLICT (public_key) DO NOTHING
