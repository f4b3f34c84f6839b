INSERT INTO sync_peer_key (agent_id, key_id, public_key, valid_from, valid_to, registered)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (agent_id, key_id) DO NOTHING
