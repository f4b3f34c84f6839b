UPDATE outbox.delivery
SET state = 'acknowledged', reason = NULL, next_attempt_at = NULL, epoch = 0, updated_at = outbox.now_us(), finished_at = outbox.now_us()
WHERE id = $1 AND state = $2
RETURNING destination_id, tenant_id, store_id, lane, shard_group
