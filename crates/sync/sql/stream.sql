SELECT size, frontier, seen_size, seen_root, seen_at_us, seen_key, seen_signature FROM sync_stream WHERE stream = $1
