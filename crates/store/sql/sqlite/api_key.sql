SELECT prefix, secret_hash, tenant_id, stores, can_read, can_write, can_admin, agent_id, rate_limit, name, created_at,
       expires_at, revoked_at
FROM api_keys WHERE prefix = ?1
