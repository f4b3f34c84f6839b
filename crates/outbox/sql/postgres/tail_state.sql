-- Where a reader that begins now stands, and whether this server can have written the place ($1, $2) that another one kept.
-- Most logs have one epoch, and are not searched for older ones.
SELECT s.log_epoch, pg_current_snapshot()::text,
       CASE WHEN s.log_epoch > 1
            THEN coalesce((SELECT max(id) FROM outbox.event_log e WHERE e.log_epoch < s.log_epoch), 0) ELSE 0 END,
       coalesce((SELECT max(id) FROM outbox.delivery d WHERE d.replay_job IS NOT NULL), 0),
       pg_is_in_recovery() AS standby,
       coalesce(greatest(pg_snapshot_xmax($1::text::pg_snapshot), pg_snapshot_xmax(coalesce($2::text, $1::text)::pg_snapshot))
                > pg_snapshot_xmax(pg_current_snapshot()), false) AS ahead
FROM outbox.log_state s
