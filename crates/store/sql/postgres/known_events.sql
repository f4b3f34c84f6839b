-- One plan only: the unique index leads with event_id.
SELECT event_id, seq, sequenced_at, content_hash, agent_key_id, seal, command_id, base_version, receipt_key_id,
       receipt_signature
FROM events WHERE event_id = ANY ($2::uuid[]) AND stream_no = $1
