SELECT key_version, public_key, origin FROM sync_sequencer_key ORDER BY key_version
