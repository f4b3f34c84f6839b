-- Holds the job until the transaction ends, if it is still this run's.
UPDATE job SET updated_at = CAST((julianday('now') - 2440587.5) * 86400000000 AS integer) WHERE id = $1 AND epoch = $2 AND state = 'running'
