-- Places of events that have a dead letter, open or closed, the newest first.
SELECT DISTINCT log_id FROM outbox.dead_letter WHERE tenant_id = $1 AND store_id = $2 ORDER BY log_id DESC LIMIT $3
