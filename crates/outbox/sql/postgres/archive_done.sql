UPDATE outbox.archive_segment SET state = 'archived', archived_at = outbox.now_us() WHERE id = $1 AND state = 'verified'
