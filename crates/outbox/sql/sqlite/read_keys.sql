-- Idempotency keys, by operation and key.
SELECT operation, key, generation, status, command_id, created_at, completed_at, expires_at, lease_until, CAST((julianday('now') - 2440587.5) * 86400000000 AS integer)
FROM idempotency_keys
WHERE tenant_id = $1 AND store_id = $2 AND (operation, key) > ($3, $4)
  AND operation = $5 -- if operation
  AND key >= $6 AND key < $7 -- if prefix
  AND command_id IN (SELECT unhex(value) FROM json_each($8)) -- if commands
  AND status = $9 -- if status
ORDER BY operation, key LIMIT $10
