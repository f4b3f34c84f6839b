SELECT idx, hashes FROM stream_tiles WHERE stream_no = ? AND level = 0 AND idx BETWEEN ? AND ? ORDER BY idx
