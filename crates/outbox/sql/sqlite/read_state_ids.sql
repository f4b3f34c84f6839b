-- Events with a row for a delivery like that.
SELECT DISTINCT log_id FROM delivery
WHERE tenant_id = $1 AND store_id = $2
  AND destination_id IN (SELECT id FROM destination) -- if anywhere
  AND destination_id IN (SELECT id FROM destination WHERE name = $3) -- if destination
  AND state IN (SELECT value FROM json_each($4)) -- if states
  AND last_class = $5 -- if class
LIMIT $6
