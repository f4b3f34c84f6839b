-- $1 event, $2 why. Only after a definite no, or before it was ever sent.
UPDATE sync_event SET state = 'discarded', error_code = $2
WHERE local_seq = $1 AND (state = 'rejected' OR (state = 'pending' AND first_sent_at IS NULL))
