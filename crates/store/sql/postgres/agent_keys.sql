-- The keys and the size of the key stream they are as of, in one snapshot; one row with nulls if there are none.
SELECT coalesce((SELECT size FROM streams
                 WHERE tenant_id = $1 AND store_id = '00000000-0000-0000-0000-000000000000'), 0),
       k.agent_id, k.key_id, k.public_key, k.valid_from, k.valid_to, k.revoked_at, k.registered
FROM (SELECT 1) AS one
LEFT JOIN agent_keys AS k ON k.tenant_id = $1 AND ($2::uuid IS NULL OR k.agent_id = $2)
ORDER BY k.agent_id, k.key_id
