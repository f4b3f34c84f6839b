DELETE FROM outbox.retention WHERE name = $1
