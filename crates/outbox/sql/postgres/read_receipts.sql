SELECT log_id, destination_id, kind, remote_sequence, evidence, received_at
FROM outbox.receipt
WHERE log_id IN (SELECT value::bigint FROM jsonb_array_elements_text($1::text::jsonb))
  AND destination_id IN (SELECT id FROM outbox.destination)
ORDER BY log_id, destination_id
