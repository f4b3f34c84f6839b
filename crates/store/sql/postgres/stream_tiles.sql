SELECT level, idx, root, hashes FROM stream_tiles
WHERE stream_no = $1 AND level = $2 AND idx >= $3 ORDER BY idx LIMIT $4
