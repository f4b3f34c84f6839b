UPDATE outbox.delivery
SET state = 'pending', reason = NULL, attempts = 0, next_attempt_at = NULL, epoch = 0, updated_at = outbox.now_us(),
    finished_at = NULL
WHERE id = $1 AND state = 'dead'
RETURNING destination_id, tenant_id, store_id, lane, shard_group
