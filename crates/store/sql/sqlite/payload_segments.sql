WITH wanted (stream_no, first_seq)
AS (VALUES (?, ?))
SELECT p.first_seq, p.last_seq, p.key_id, p.sealed
FROM wanted AS w CROSS JOIN event_payload AS p ON p.stream_no = w.stream_no AND p.first_seq = w.first_seq
ORDER BY p.first_seq
