-- Events behind a cursor, of deliveries without a row: pending, or being published. While a backlog is read by place, what
-- the cursor's snapshot sees is behind its last place; what it does not see is at the head.
SELECT DISTINCT id FROM (
    SELECT e.id FROM outbox.delivery_cursor c
    JOIN outbox.destination d ON d.id = c.destination_id
    CROSS JOIN LATERAL (
        (SELECT log.* FROM outbox.unseen_by(coalesce(c.cur, c.prev)) AS unseen, LATERAL (
             SELECT * FROM outbox.event_log
             WHERE log_epoch = c.log_epoch AND xid >= unseen.first AND xid <= unseen.last
             ORDER BY log_epoch, xid, id
         ) AS log)
        UNION ALL
        (SELECT * FROM outbox.event_log WHERE c.cur IS NOT NULL AND id > c.last_id AND log_epoch = c.log_epoch
           AND deliverable AND shard * d.shard_groups / 64 = c.shard_group AND tenant_id = $2 AND store_id = $3
           AND nullif(pg_visible_in_snapshot(xid, c.cur), false) IS NOT NULL
           AND nullif(pg_visible_in_snapshot(xid, c.prev), true) IS NOT NULL
         ORDER BY id LIMIT $4)
        UNION ALL
        (SELECT * FROM outbox.event_log WHERE id > c.redeliver_from AND id <= c.redeliver_upto AND log_epoch < c.log_epoch)
    ) AS e
    WHERE e.deliverable AND e.shard * d.shard_groups / 64 = c.shard_group AND e.tenant_id = $2 AND e.store_id = $3
      AND d.name = $1 -- if destination
    LIMIT $4
) AS waiting
