SELECT destination_id, name, version, type_glob, active, policy, start_log_epoch, start_snapshot::text
FROM outbox.route
ORDER BY destination_id, name, version
