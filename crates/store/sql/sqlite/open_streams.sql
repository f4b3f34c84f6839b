WITH wanted (tenant_id, store_id, root, opened_at)
AS (VALUES (?, ?, ?, ?))
INSERT INTO streams (tenant_id, store_id, root, opened_at)
SELECT * FROM wanted WHERE tenant_id IS NOT NULL
ON CONFLICT (tenant_id, store_id) DO NOTHING
