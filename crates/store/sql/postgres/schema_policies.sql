SELECT subject, mode, compatibility
FROM schema_policies
WHERE tenant_id = $1
ORDER BY subject
