-- Events with a row for a delivery like that.
SELECT DISTINCT log_id FROM outbox.delivery
WHERE tenant_id = $1 AND store_id = $2
  AND destination_id IN (SELECT id FROM outbox.destination) -- if anywhere
  AND destination_id IN (SELECT id FROM outbox.destination WHERE name = $3) -- if destination
  AND state IN (SELECT value FROM jsonb_array_elements_text($4::text::jsonb)) -- if states
  AND last_class = $5 -- if class
LIMIT $6
