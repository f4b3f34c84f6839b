SELECT coalesce(max(id), 0) FROM event_log
