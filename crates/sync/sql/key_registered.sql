UPDATE sync_key SET registered_at = coalesce(registered_at, $2) WHERE key_id = $1
