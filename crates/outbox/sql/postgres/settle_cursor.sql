-- Fences: another owner has another epoch; a rebase or a second settlement of the same chunk finds the cursor moved.
UPDATE outbox.delivery_cursor
SET prev = $4::text::pg_snapshot, cur = $5::text::pg_snapshot, last_id = $6, redeliver_from = $7, settled_at = outbox.now_us(),
    claim_snapshot = NULL, claim_upto = NULL
WHERE destination_id = $1 AND shard_group = $2 AND epoch = $3 AND log_epoch = $8
  AND prev::text = $9 AND cur::text IS NOT DISTINCT FROM $10 AND last_id = $11 AND redeliver_from = $12
