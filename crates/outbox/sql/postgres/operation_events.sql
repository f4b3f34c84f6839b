SELECT event_id FROM outbox.event_log WHERE tenant_id = $1 AND store_id = $2 AND command_id = $3 ORDER BY id
