-- $1 conflict, $2 now, $3 strategy, $4 the new event
UPDATE sync_conflict SET resolved_at = $2, strategy = $3, replacement = $4
WHERE conflict_id = $1 AND resolved_at IS NULL
