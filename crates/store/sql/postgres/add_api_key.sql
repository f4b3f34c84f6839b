INSERT INTO api_keys (prefix, secret_hash, tenant_id, stores, can_read, can_write, can_admin, agent_id, rate_limit, name,
                      created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
