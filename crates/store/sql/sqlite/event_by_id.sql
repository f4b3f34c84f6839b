-- CROSS JOIN fixes the order of the join: an id is in few streams, a tenant may have many.
SELECT e.seq, e.event_id, e.version, e.agent_id, e.agent_key_id, e.entity_type, e.entity_id, e.event_type,
       e.created_at, e.payload_form, e.payload_hash, e.cipher_hash, e.content_hash, e.seal, e.command_id,
       e.base_version, e.order_key, e.correlation_id, e.annotations, e.sequenced_at, e.receipt_key_id,
       e.receipt_signature, p.first_seq, p.last_seq, p.key_id, p.sealed, s.stream_no, s.tenant_id, s.store_id, s.size
FROM events AS e
CROSS JOIN streams AS s ON s.stream_no = e.stream_no
CROSS JOIN event_payload AS p
  ON p.stream_no = e.stream_no
 AND p.first_seq = (SELECT max(q.first_seq) FROM event_payload AS q
                    WHERE q.stream_no = e.stream_no AND q.first_seq <= e.seq)
WHERE e.event_id = ? AND s.tenant_id = ?
ORDER BY s.store_id
