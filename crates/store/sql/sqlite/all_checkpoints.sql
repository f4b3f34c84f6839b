SELECT size, note FROM checkpoints WHERE size > ? ORDER BY size LIMIT ?
