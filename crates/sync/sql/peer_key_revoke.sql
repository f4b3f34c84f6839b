UPDATE sync_peer_key SET revoked_at = $3 WHERE agent_id = $1 AND key_id = $2 AND revoked_at IS NULL
