UPDATE log_state SET size = $3, frontier = $4 WHERE id = 1 AND epoch = $1 AND size = $2
