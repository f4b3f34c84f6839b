SELECT destination_id, name, version, type_glob, active, policy, start_log_epoch, CAST(start_snapshot AS text)
FROM route
ORDER BY destination_id, name, version
