INSERT INTO breaker AS b (destination_id, state, failures, reason, changed_at, probe_at, version)
SELECT $1, $2, $3, $4, CAST((julianday('now') - 2440587.5) * 86400000000 AS integer), CAST((julianday('now') - 2440587.5) * 86400000000 AS integer) + $5, 1
WHERE $6 = 0 OR EXISTS (SELECT 1 FROM breaker WHERE destination_id = $1 AND version = $6)
ON CONFLICT (destination_id) DO UPDATE
SET state = excluded.state, failures = excluded.failures, reason = excluded.reason, probe_at = excluded.probe_at,
    changed_at = CASE WHEN b.state = excluded.state THEN b.changed_at ELSE excluded.changed_at END, version = b.version + 1
WHERE b.version = $6
