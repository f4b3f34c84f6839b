DELETE FROM outbox.event_log WHERE id IN (SELECT log_id FROM outbox.archive_pending WHERE segment_id = $1)
