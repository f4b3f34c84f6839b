DELETE FROM outbox.held_event WHERE id = $1
