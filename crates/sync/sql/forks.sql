SELECT fork FROM sync_fork WHERE cleared_at IS NULL ORDER BY fork_id
