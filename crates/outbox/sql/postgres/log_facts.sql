SELECT pg_is_in_recovery(), s.system_identifier, c.system_identifier::text, s.timeline::bigint, p.timeline_id::bigint,
       pg_snapshot_xmax(pg_current_snapshot())::text,
       coalesce((SELECT e.xid::text FROM outbox.event_log e WHERE e.log_epoch = s.log_epoch ORDER BY e.xid DESC LIMIT 1), '0'),
       coalesce((SELECT max(pg_snapshot_xmax(coalesce(cur, prev))::text::bigint)::text FROM outbox.delivery_cursor), '0')
FROM outbox.log_state s, pg_control_system() c, pg_control_checkpoint() p
