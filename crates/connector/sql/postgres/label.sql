SELECT label FROM connector.resource
WHERE tenant_id = $1 AND store_id = $2 AND connector = $3 AND shop = $4 AND kind = 'item' AND id = $5
