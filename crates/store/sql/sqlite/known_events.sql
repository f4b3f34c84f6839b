-- CROSS JOIN fixes the order of the join: every id is looked up in the unique index, whatever the planner believes.
WITH wanted (stream_no, event_id)
AS (VALUES (?, ?))
SELECT e.event_id, e.seq, e.sequenced_at, e.content_hash, e.agent_key_id, e.seal, e.command_id, e.base_version,
       e.receipt_key_id, e.receipt_signature
FROM wanted AS w CROSS JOIN events AS e ON e.event_id = w.event_id AND e.stream_no = w.stream_no
