SELECT set_config('outbox' || '.tenant_id', $1, true)
