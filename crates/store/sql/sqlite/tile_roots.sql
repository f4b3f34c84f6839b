SELECT root FROM stream_tiles WHERE stream_no = ? AND level = ? AND idx BETWEEN ? AND ? ORDER BY idx
