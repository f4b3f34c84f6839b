-- With the newest checkpoint, of one snapshot.
SELECT l.size, l.frontier, l.blinding_key, c.size, c.note
FROM log_state AS l LEFT JOIN checkpoints AS c ON c.size = (SELECT max(size) FROM checkpoints)
WHERE l.id = 1
