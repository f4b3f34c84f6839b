SELECT stream_no, size, log_index FROM logged_heads WHERE stream_no > ? ORDER BY stream_no LIMIT ?
