-- Events by id, or by the range of ids that begin in a certain way; or by the key of the fact.
SELECT event_id, event_key, log_id, payload_hash FROM outbox.event_identity
WHERE tenant_id = $1 AND store_id = $2
  AND event_id BETWEEN $3 AND $4 -- if id
  AND event_key = $5 -- if key
ORDER BY event_id LIMIT $6
