-- The keys and the size of the key stream they are as of, in one snapshot; one row with nulls if there are none.
-- The bounds hold for one agent or, when ?2 is null, for every 16-byte id; unlike an OR they use the primary key.
SELECT coalesce((SELECT size FROM streams WHERE tenant_id = ?1 AND store_id = zeroblob(16)), 0),
       k.agent_id, k.key_id, k.public_key, k.valid_from, k.valid_to, k.revoked_at, k.registered
FROM (SELECT 1) AS one
LEFT JOIN agent_keys AS k
  ON k.tenant_id = ?1
 AND k.agent_id BETWEEN coalesce(?2, x'') AND coalesce(?2, x'ffffffffffffffffffffffffffffffffff')
ORDER BY k.agent_id, k.key_id
