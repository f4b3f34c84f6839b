DELETE FROM held_event WHERE id = $1
