-- A dump can restore the numbers behind the events that have them.
SELECT setval('outbox.event_log_id', greatest((SELECT last_value FROM outbox.event_log_id), (SELECT max(id) FROM outbox.event_log)))
