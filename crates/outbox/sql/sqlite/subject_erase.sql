UPDATE subject_key SET wrapped_key = NULL, erased_at = CAST((julianday('now') - 2440587.5) * 86400000000 AS integer), erased_by = $4, erased_why = $5
WHERE tenant_id = $1 AND store_id = $2 AND subject = $3 AND wrapped_key IS NOT NULL
RETURNING generation
