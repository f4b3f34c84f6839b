-- Deliveries that wait in the lanes of dead letters.
SELECT count(*)::bigint FROM outbox.delivery d
WHERE d.state IN ('pending', 'held', 'in_flight', 'retry_wait') AND EXISTS (
    SELECT 1 FROM outbox.dead_letter l
    WHERE l.id IN (SELECT value::uuid FROM jsonb_array_elements_text($1::text::jsonb))
      AND l.destination_id = d.destination_id AND l.tenant_id = d.tenant_id AND l.store_id = d.store_id AND l.lane = d.lane)
