SELECT e.seq, e.event_id, e.version, e.agent_id, e.agent_key_id, e.entity_type, e.entity_id, e.event_type,
       e.created_at, e.payload_form, e.payload_hash, e.cipher_hash, e.content_hash, e.seal, e.command_id,
       e.base_version, e.order_key, e.correlation_id, e.annotations, e.sequenced_at, e.receipt_key_id,
       e.receipt_signature, p.first_seq, p.last_seq, p.key_id, p.sealed, s.stream_no, s.tenant_id, s.store_id, s.size
FROM events AS e
JOIN streams AS s USING (stream_no)
CROSS JOIN LATERAL (
    SELECT first_seq, last_seq, key_id, sealed FROM event_payload
    WHERE stream_no = e.stream_no AND first_seq <= e.seq ORDER BY first_seq DESC LIMIT 1
) AS p
WHERE e.event_id = $1 AND s.tenant_id = $2 AND ($3::uuid[] IS NULL OR s.store_id = ANY ($3))
ORDER BY s.store_id
