UPDATE sync_key SET retired_at = $1 WHERE retired_at IS NULL
