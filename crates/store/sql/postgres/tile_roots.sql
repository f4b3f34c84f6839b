SELECT root FROM stream_tiles WHERE stream_no = $1 AND level = $2 AND idx BETWEEN $3 AND $4 ORDER BY idx
