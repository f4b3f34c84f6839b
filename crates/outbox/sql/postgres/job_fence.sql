-- Holds the job until the transaction ends, if it is still this run's.
UPDATE outbox.job SET updated_at = outbox.now_us() WHERE id = $1 AND epoch = $2 AND state = 'running'
