UPDATE connector.resource SET changed_at = $7, amount = $8
WHERE tenant_id = $1 AND store_id = $2 AND connector = $3 AND shop = $4 AND kind = $5 AND id = $6
