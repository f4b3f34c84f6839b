SELECT state, failures, reason, probe_at - CAST((julianday('now') - 2440587.5) * 86400000000 AS integer), CAST((julianday('now') - 2440587.5) * 86400000000 AS integer) - changed_at, version
FROM breaker WHERE destination_id = $1
