-- Payloads of entity $1, $2 behind its version $3, in order; NULL for an encrypted one.
SELECT json_extract(envelope, '$.payload')
FROM sync_pulled
WHERE entity_type = $1 AND entity_id = $2 AND entity_version > $3
ORDER BY sequence
