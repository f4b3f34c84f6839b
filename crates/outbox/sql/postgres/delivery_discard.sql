UPDATE outbox.delivery
SET state = 'discarded', epoch = 0, updated_at = outbox.now_us(), finished_at = outbox.now_us()
WHERE id = $1 AND state = 'dead'
RETURNING destination_id, tenant_id, store_id, lane, shard_group
