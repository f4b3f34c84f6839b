-- The same as deliveries_postgres.sql.
UPDATE delivery_cursor SET prev = (SELECT max(id) FROM event_log);
INSERT INTO delivery (destination_id, log_id, tenant_id, store_id, event_id, event_type, lane, shard_group, route,
                      route_version, state, attempts, last_class, last_error, epoch, created_at, updated_at, finished_at)
SELECT 1, id, tenant_id, store_id, event_id, event_type, coalesce(order_key, entity_type || char(31) || entity_id), 0, 'all', 1,
       CASE WHEN id % 200 = 0 THEN 'dead' ELSE 'delivered' END, 3, 'http_503', 'the server is busy', 1, written_at, written_at,
       written_at
FROM event_log WHERE id % 50 = 0;
INSERT INTO dead_letter (id, delivery_id, destination_id, log_id, tenant_id, store_id, event_id, event_type, lane, class,
                         error, attempts, worker, failed_at)
SELECT randomblob(16), id, 1, log_id, tenant_id, store_id, event_id, event_type, lane, 'exhausted', 'the server is busy', 3,
       'bench', created_at
FROM delivery WHERE state = 'dead';
INSERT INTO receipt (destination_id, log_id, kind, evidence, received_at)
SELECT 1, id, 'consumer', '{}', written_at FROM event_log WHERE id % 9 = 0 AND id < {count} / 2
