UPDATE agent_keys SET revoked_at = $4
WHERE tenant_id = $1 AND agent_id = $2 AND key_id = $3 AND revoked_at IS NULL
