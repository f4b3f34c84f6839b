-- Cursors that are behind the end of the log: kind, subject, detail.
SELECT 'cursor_beyond_log', 'cursor:' || d.name || '/' || c.shard_group::text,
       'read up to ' || c.prev::text || coalesce(' and place ' || c.last_id, '')
FROM outbox.delivery_cursor c JOIN outbox.destination d ON d.id = c.destination_id
WHERE greatest(pg_snapshot_xmax(c.prev), pg_snapshot_xmax(coalesce(c.cur, c.prev))) > pg_snapshot_xmax(pg_current_snapshot())
   OR (c.cur IS NOT NULL AND c.last_id > (SELECT last_value FROM outbox.event_log_id))
ORDER BY d.name, c.shard_group LIMIT $1
