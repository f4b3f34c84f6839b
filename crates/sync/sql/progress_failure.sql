-- $1 direction, $2 now, $3 when it is tried again, $4 code, $5 in words
UPDATE sync_progress SET failed_at = $2, failures = failures + 1, next_at = $3, error_code = $4, error = $5
WHERE direction = $1
