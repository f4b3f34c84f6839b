SELECT succeeded_at, failed_at, failures, next_at, error_code, error FROM sync_progress WHERE direction = $1
