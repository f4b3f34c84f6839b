SELECT key_id, public_key, file FROM sync_key ORDER BY key_id
