-- The next places in the log, for events that are copied.
SELECT nextval('outbox.event_log_id') FROM generate_series(1, $1::bigint)
