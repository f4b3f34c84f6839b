SELECT key_id FROM sync_key WHERE retired_at IS NULL ORDER BY key_id DESC LIMIT 1
