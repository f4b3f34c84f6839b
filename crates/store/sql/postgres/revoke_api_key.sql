-- The first revocation counts.
UPDATE api_keys SET revoked_at = coalesce(revoked_at, $4)
WHERE tenant_id = $1 AND ($2::uuid IS NULL OR agent_id = $2) AND prefix = $3
RETURNING prefix, secret_hash, tenant_id, stores, can_read, can_write, can_admin, agent_id, rate_limit, name, created_at,
       expires_at, revoked_at
