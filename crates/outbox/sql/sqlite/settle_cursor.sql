-- Fences: another owner has another epoch; a rebase or a second settlement of the same chunk finds the cursor moved.
UPDATE delivery_cursor
SET prev = CAST($4 AS integer), cur = CAST($5 AS integer), last_id = $6, redeliver_from = $7,
    settled_at = CAST((julianday('now') - 2440587.5) * 86400000000 AS integer), claim_snapshot = NULL, claim_upto = NULL
WHERE destination_id = $1 AND shard_group = $2 AND epoch = $3 AND log_epoch = $8
  AND prev = CAST($9 AS integer) AND cur IS CAST($10 AS integer) AND last_id = $11 AND redeliver_from = $12
