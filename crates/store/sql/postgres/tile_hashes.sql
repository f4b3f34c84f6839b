SELECT idx, hashes FROM stream_tiles WHERE stream_no = $1 AND level = 0 AND idx BETWEEN $2 AND $3 ORDER BY idx
