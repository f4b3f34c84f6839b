-- The one that is in use.
SELECT generation, master_key_id, wrapped_key FROM outbox.subject_key
WHERE tenant_id = $1 AND store_id = $2 AND subject = $3 AND wrapped_key IS NOT NULL
ORDER BY generation DESC LIMIT 1
