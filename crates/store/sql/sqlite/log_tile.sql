SELECT hashes FROM log_tiles WHERE level = ? AND idx = ?
