DELETE FROM event_log WHERE id IN (SELECT log_id FROM archive_pending WHERE segment_id = $1)
