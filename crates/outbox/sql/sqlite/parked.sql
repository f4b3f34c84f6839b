SELECT tenant_id, store_id, lane, due_at - CAST((julianday('now') - 2440587.5) * 86400000000 AS integer), reason FROM parked_lane
WHERE destination_id = $1 AND shard_group = $2
  AND ($3 IS NULL OR (tenant_id, store_id, lane) > ($3, $4, $5))
ORDER BY tenant_id, store_id, lane LIMIT $6
