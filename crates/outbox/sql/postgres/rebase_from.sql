-- The greatest id, and the greatest one before everything written since $1.
SELECT coalesce(max(id), 0), coalesce(min(id) FILTER (WHERE written_at >= $1) - 1, max(id), 0) FROM outbox.event_log
