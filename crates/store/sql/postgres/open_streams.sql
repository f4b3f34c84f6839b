INSERT INTO streams (tenant_id, store_id, root, opened_at)
SELECT tenant_id, store_id, $3, $4
FROM unnest($1::uuid[], $2::uuid[]) AS wanted(tenant_id, store_id)
ON CONFLICT (tenant_id, store_id) DO NOTHING
