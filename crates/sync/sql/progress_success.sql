UPDATE sync_progress SET succeeded_at = $2, failures = 0, next_at = NULL, error_code = NULL, error = NULL
WHERE direction = $1
