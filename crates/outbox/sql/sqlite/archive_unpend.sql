DELETE FROM archive_pending WHERE segment_id = $1
