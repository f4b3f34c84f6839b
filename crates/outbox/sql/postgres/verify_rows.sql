-- What contradicts itself among the rows: kind, subject, detail. Each part gives a few.
SELECT * FROM (SELECT 'dead_letter_without_delivery' AS kind, 'dead_letter:' || l.id::text AS subject, coalesce(d.state, 'no row') AS detail
    FROM outbox.dead_letter l LEFT JOIN outbox.delivery d ON d.id = l.delivery_id
    WHERE l.tenant_id = $1 AND l.store_id = $2 AND l.closed_at IS NULL AND (d.id IS NULL OR d.state <> 'dead') LIMIT $3) AS dead_letter_without_delivery
UNION ALL
SELECT * FROM (SELECT 'dead_delivery_without_letter' AS kind, 'delivery:' || d.id::text AS subject, 'event ' || d.event_id::text AS detail
    FROM outbox.delivery d
    WHERE d.tenant_id = $1 AND d.store_id = $2 AND d.state = 'dead' AND NOT EXISTS (SELECT 1 FROM outbox.dead_letter l WHERE l.delivery_id = d.id AND l.closed_at IS NULL) LIMIT $3) AS dead_delivery_without_letter
UNION ALL
SELECT * FROM (SELECT 'delivery_without_lane' AS kind, 'delivery:' || d.id::text AS subject, d.state || ' in lane ' || d.lane || ', which is not parked: it is never tried' AS detail
    FROM outbox.delivery d
    WHERE d.tenant_id = $1 AND d.store_id = $2 AND d.state IN ('pending', 'held', 'in_flight', 'retry_wait') AND NOT EXISTS (SELECT 1 FROM outbox.parked_lane p WHERE p.destination_id = d.destination_id AND p.tenant_id = d.tenant_id AND p.store_id = d.store_id AND p.lane = d.lane) LIMIT $3) AS delivery_without_lane
UNION ALL
SELECT * FROM (SELECT 'delivery_without_event' AS kind, 'delivery:' || d.id::text AS subject, 'no event at place ' || d.log_id::text AS detail
    FROM outbox.delivery d
    WHERE d.tenant_id = $1 AND d.store_id = $2 AND d.log_id >= (SELECT coalesce(min(h.id), 0) FROM outbox.event_log h) AND NOT EXISTS (SELECT 1 FROM outbox.event_log e WHERE e.id = d.log_id) LIMIT $3) AS delivery_without_event
UNION ALL
SELECT * FROM (SELECT 'delivery_of_another_event' AS kind, 'delivery:' || d.id::text AS subject, 'the event at place ' || d.log_id::text || ' is ' || e.event_id::text AS detail
    FROM outbox.delivery d JOIN outbox.event_log e ON e.id = d.log_id
    WHERE d.tenant_id = $1 AND d.store_id = $2 AND (e.event_id <> d.event_id OR e.tenant_id <> d.tenant_id OR e.store_id <> d.store_id) LIMIT $3) AS delivery_of_another_event
UNION ALL
SELECT * FROM (SELECT 'delivery_in_another_group' AS kind, 'delivery:' || d.id::text AS subject, 'in shard group ' || d.shard_group::text || ', which is not its event''s' AS detail
    FROM outbox.delivery d JOIN outbox.event_log e ON e.id = d.log_id JOIN outbox.destination t ON t.id = d.destination_id
    WHERE d.tenant_id = $1 AND d.store_id = $2 AND d.shard_group <> e.shard * t.shard_groups / 64 LIMIT $3) AS delivery_in_another_group
UNION ALL
SELECT * FROM (SELECT 'delivery_without_end' AS kind, 'delivery:' || d.id::text AS subject, d.state || ' and finished_at disagree' AS detail
    FROM outbox.delivery d
    WHERE d.tenant_id = $1 AND d.store_id = $2 AND (d.state IN ('pending', 'held', 'in_flight', 'retry_wait')) <> (d.finished_at IS NULL) LIMIT $3) AS delivery_without_end
UNION ALL
SELECT * FROM (SELECT 'identity_without_event' AS kind, 'event:' || i.event_id::text AS subject, 'no event at place ' || i.log_id::text AS detail
    FROM outbox.event_identity i
    WHERE i.tenant_id = $1 AND i.store_id = $2 AND i.log_id >= (SELECT coalesce(min(h.id), 0) FROM outbox.event_log h) AND NOT EXISTS (SELECT 1 FROM outbox.event_log e WHERE e.id = i.log_id) LIMIT $3) AS identity_without_event
UNION ALL
SELECT * FROM (SELECT 'receipt_without_event' AS kind, 'place:' || r.log_id::text AS subject, 'a ' || r.kind || ' receipt' AS detail
    FROM outbox.receipt r
    WHERE r.log_id >= (SELECT coalesce(min(h.id), 0) FROM outbox.event_log h) AND NOT EXISTS (SELECT 1 FROM outbox.event_log e WHERE e.id = r.log_id) LIMIT $3) AS receipt_without_event
