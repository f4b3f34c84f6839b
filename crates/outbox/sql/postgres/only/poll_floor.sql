-- The smallest id that a page can hold. `+ 0` keeps the planner from walking the primary key to find it.
SELECT min(log.id + 0) FROM outbox.unseen_by($2::text::pg_snapshot) AS unseen, LATERAL (
    SELECT id FROM outbox.event_log
    WHERE log_epoch = $1 AND xid >= unseen.first AND xid <= unseen.last
    ORDER BY log_epoch, xid, id
) AS log
