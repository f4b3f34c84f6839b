SELECT level, idx, root, hashes FROM stream_tiles
WHERE stream_no = ? AND level = ? AND idx >= ? ORDER BY idx LIMIT ?
