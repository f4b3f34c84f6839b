SELECT event_id, event_key, log_id, payload_hash FROM outbox.event_identity
WHERE tenant_id = $1 AND store_id = $2 AND event_id = ANY ($3)
UNION
SELECT event_id, event_key, log_id, payload_hash FROM outbox.event_identity
WHERE tenant_id = $1 AND store_id = $2 AND event_key = ANY ($4)
