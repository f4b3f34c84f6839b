SELECT DISTINCT log_id FROM receipt
WHERE destination_id IN (SELECT id FROM destination) -- if anywhere
WHERE destination_id IN (SELECT id FROM destination WHERE name = $1) -- if destination
LIMIT $2
