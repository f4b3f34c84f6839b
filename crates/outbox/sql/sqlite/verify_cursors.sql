-- Cursors that are behind the end of the log: kind, subject, detail.
SELECT 'cursor_beyond_log', 'cursor:' || d.name || '/' || CAST(c.shard_group AS text),
       'read up to place ' || CAST(c.prev AS text)
FROM delivery_cursor c JOIN destination d ON d.id = c.destination_id
WHERE c.prev > coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'event_log'), 0)
ORDER BY d.name, c.shard_group LIMIT $1
