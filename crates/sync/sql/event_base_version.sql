UPDATE sync_event SET base_version = $2 WHERE local_seq = $1 AND first_sent_at IS NULL
