-- The generation of the next key.
SELECT coalesce(max(generation), 0) + 1 FROM subject_key WHERE tenant_id = $1 AND store_id = $2 AND subject = $3
