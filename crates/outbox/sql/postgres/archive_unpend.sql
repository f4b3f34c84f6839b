DELETE FROM outbox.archive_pending WHERE segment_id = $1
