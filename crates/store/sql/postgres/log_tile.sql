SELECT hashes FROM log_tiles WHERE level = $1 AND idx = $2
