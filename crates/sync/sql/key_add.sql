-- $1 number, $2 public key, $3 file, $4 now, $5 when it was registered
INSERT INTO sync_key (key_id, public_key, file, created_at, registered_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (key_id) DO NOTHING
