-- Unless it was destroyed, or wrapped anew, in the meantime.
UPDATE outbox.subject_key SET master_key_id = $5, wrapped_key = $6
WHERE tenant_id = $1 AND store_id = $2 AND subject = $3 AND generation = $4 AND wrapped_key = $7
