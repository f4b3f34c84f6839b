SELECT agent_id, key_id, public_key, valid_from, valid_to, revoked_at, registered FROM sync_peer_key
