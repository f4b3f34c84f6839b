UPDATE delivery
SET state = 'acknowledged', reason = NULL, next_attempt_at = NULL, epoch = 0, updated_at = CAST((julianday('now') - 2440587.5) * 86400000000 AS integer), finished_at = CAST((julianday('now') - 2440587.5) * 86400000000 AS integer)
WHERE id = $1 AND state = $2
RETURNING destination_id, tenant_id, store_id, lane, shard_group
