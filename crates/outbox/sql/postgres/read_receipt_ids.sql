SELECT DISTINCT log_id FROM outbox.receipt
WHERE destination_id IN (SELECT id FROM outbox.destination) -- if anywhere
WHERE destination_id IN (SELECT id FROM outbox.destination WHERE name = $1) -- if destination
LIMIT $2
