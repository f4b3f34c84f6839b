SELECT tenant_id, store_id, lane, due_at - outbox.now_us(), reason FROM outbox.parked_lane
WHERE destination_id = $1 AND shard_group = $2
  AND ($3::uuid IS NULL OR (tenant_id, store_id, lane) > ($3, $4::uuid, $5::text))
ORDER BY tenant_id, store_id, lane LIMIT $6
