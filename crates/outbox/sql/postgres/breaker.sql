SELECT state, failures, reason, probe_at - outbox.now_us(), outbox.now_us() - changed_at, version
FROM outbox.breaker WHERE destination_id = $1
