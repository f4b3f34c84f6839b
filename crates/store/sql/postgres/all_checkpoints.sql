SELECT size, note FROM checkpoints WHERE size > $1 ORDER BY size LIMIT $2
