SELECT prefix, secret_hash, tenant_id, stores, can_read, can_write, can_admin, agent_id, rate_limit, name, created_at,
       expires_at, revoked_at
FROM api_keys
WHERE tenant_id = $1 AND ($2::uuid IS NULL OR agent_id = $2) AND prefix > $3
ORDER BY prefix LIMIT $4
