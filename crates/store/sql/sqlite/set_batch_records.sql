WITH logged (batch_id, log_index)
AS (VALUES (?, ?))
UPDATE batches SET log_index = logged.log_index
FROM logged
WHERE batches.batch_id = logged.batch_id
