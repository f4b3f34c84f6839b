SELECT 0, 'file', 'file', 1, 1,
       CAST(1 + coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'event_log'), 0) AS text),
       CAST(coalesce((SELECT max(id) FROM event_log), 0) AS text),
       CAST(coalesce((SELECT max(prev) FROM delivery_cursor), 0) AS text)
FROM log_state
