-- $1 the new event, $2 its place in the order, $3 its base version, $4 the refused event
UPDATE sync_event SET position = $2, base_version = $3, replaces = $4
WHERE local_seq = $1 AND first_sent_at IS NULL
