UPDATE schemas SET status = $3 WHERE tenant_id = $1 AND schema_no = $2
