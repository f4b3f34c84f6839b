-- Ids as a JSON array.
INSERT INTO archive_pending (log_id, segment_id) SELECT value, $2 FROM json_each($1)
