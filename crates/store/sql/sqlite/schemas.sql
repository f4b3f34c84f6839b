SELECT schema_no, subject, version, status, schema_text, description, created_at
FROM schemas
WHERE tenant_id = ?1
ORDER BY schema_no
