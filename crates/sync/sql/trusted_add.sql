-- $1 number, $2 key, $3 now, $4 origin. A number that is known keeps its key.
INSERT INTO sync_sequencer_key (key_version, public_key, trusted_at, origin) VALUES ($1, $2, $3, $4)
ON CONFLICT (key_version) DO UPDATE SET origin = excluded.origin WHERE public_key = excluded.public_key
