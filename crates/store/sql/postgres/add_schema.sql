INSERT INTO schemas (tenant_id, schema_no, subject, version, status, schema_text, description, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
