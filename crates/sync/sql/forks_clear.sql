UPDATE sync_fork SET cleared_at = $1 WHERE cleared_at IS NULL
