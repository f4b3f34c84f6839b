-- The smallest id that a page can hold. `+ 0` keeps the planner from walking the primary key to find it.
SELECT min(id + 0) FROM (
    SELECT id FROM outbox.event_log WHERE log_epoch = $1 AND xid >= pg_snapshot_xmax($2::text::pg_snapshot)
    UNION ALL
    SELECT id FROM outbox.event_log WHERE log_epoch = $1 AND xid IN (SELECT pg_snapshot_xip($2::text::pg_snapshot))
) AS unread
