INSERT INTO sequencer_keys (key_id, public_key, added_at)
SELECT coalesce(max(key_id), 0) + 1, ?, ? FROM sequencer_keys
WHERE true -- so that the parser does not take ON for a join's
ON CONFLICT (public_key) DO NOTHING
