-- Everything up to 500 events before the end is delivered; every 50th once failed and then was, every 200th is dead, every
-- 9th of the first half was acknowledged.
UPDATE outbox.delivery_cursor SET prev = pg_current_snapshot();
WITH chosen AS MATERIALIZED (
    SELECT e.*, CASE WHEN e.id % 200 = 0 THEN 'dead' ELSE 'delivered' END AS outcome FROM outbox.event_log e WHERE e.id % 50 = 0
), failed AS (
    INSERT INTO outbox.delivery (destination_id, log_id, tenant_id, store_id, event_id, event_type, lane, shard_group, route,
                                 route_version, state, attempts, last_class, last_error, epoch, created_at, updated_at, finished_at)
    SELECT 1, id, tenant_id, store_id, event_id, event_type, coalesce(order_key, entity_type || U&'\001F' || entity_id), 0, 'all', 1,
           outcome, 3, 'http_503', 'the server is busy', 1, written_at, written_at, written_at
    FROM chosen
    RETURNING id, log_id, tenant_id, store_id, event_id, event_type, lane, state, created_at
)
INSERT INTO outbox.dead_letter (id, delivery_id, destination_id, log_id, tenant_id, store_id, event_id, event_type, lane, class,
                                error, attempts, worker, failed_at)
SELECT gen_random_uuid(), id, 1, log_id, tenant_id, store_id, event_id, event_type, lane, 'exhausted', 'the server is busy', 3,
       'bench', created_at
FROM failed WHERE state = 'dead';
INSERT INTO outbox.receipt (destination_id, log_id, kind, evidence, received_at)
SELECT 1, id, 'consumer', '{}', written_at FROM outbox.event_log WHERE id % 9 = 0 AND id < {count} / 2;
ANALYZE
