-- Ids as a JSON array.
INSERT INTO outbox.archive_pending (log_id, segment_id)
SELECT value::bigint, $2 FROM jsonb_array_elements_text($1::text::jsonb)
