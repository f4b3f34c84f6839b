-- Events behind a cursor, of deliveries without a row: pending, or being published.
SELECT DISTINCT id FROM (
    SELECT e.id FROM outbox.delivery_cursor c
    JOIN outbox.destination d ON d.id = c.destination_id
    CROSS JOIN LATERAL (
        (SELECT * FROM outbox.event_log WHERE log_epoch = c.log_epoch AND xid >= pg_snapshot_xmax(c.prev))
        UNION ALL
        (SELECT * FROM outbox.event_log WHERE log_epoch = c.log_epoch AND xid IN (SELECT pg_snapshot_xip(c.prev)))
        UNION ALL
        (SELECT * FROM outbox.event_log WHERE id > c.redeliver_from AND id <= c.redeliver_upto AND log_epoch < c.log_epoch)
    ) AS e
    WHERE e.deliverable AND e.shard * d.shard_groups / 64 = c.shard_group AND e.tenant_id = $2 AND e.store_id = $3
      AND NOT (c.cur IS NOT NULL AND e.id <= c.last_id AND e.log_epoch = c.log_epoch AND pg_visible_in_snapshot(e.xid, c.cur))
      AND d.name = $1 -- if destination
    LIMIT $4
) AS waiting
