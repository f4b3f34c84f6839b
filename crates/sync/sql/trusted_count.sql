SELECT count(*) FROM sync_sequencer_key
