SELECT key_version, public_key FROM sync_sequencer_key ORDER BY key_version
