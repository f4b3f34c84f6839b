UPDATE outbox.archive_segment SET state = 'verified' WHERE id = $1 AND state = 'sealed'
