-- $1: [[event, kind, entity type, entity id, expected, actual], …]; $2 now
INSERT INTO sync_conflict (local_seq, kind, entity_type, entity_id, expected, actual, detected_at)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, $2
FROM json_each($1)
WHERE true
ON CONFLICT (local_seq) DO NOTHING
