-- Idempotency keys, by operation and key.
SELECT operation, key, generation, status, command_id, created_at, completed_at, expires_at, lease_until, outbox.now_us()
FROM outbox.idempotency_keys
WHERE tenant_id = $1 AND store_id = $2 AND (operation, key) > ($3, $4)
  AND operation = $5 -- if operation
  AND key >= $6 AND key < $7 -- if prefix
  AND command_id IN (SELECT value::uuid FROM jsonb_array_elements_text($8::text::jsonb)) -- if commands
  AND status = $9 -- if status
ORDER BY operation, key LIMIT $10
