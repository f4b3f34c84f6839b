-- {count} events of a shop over {count} seconds: frequent and rare types, one that ended long ago, an order key of every
-- twentieth event, two agents.
INSERT INTO event_log (shard, tenant_id, store_id, event_id, event_type, entity_type, entity_id, order_key, payload,
                       correlation_id, command_id, agent_id, created_at, written_at)
SELECT n % 64, tenant_id, store_id, randomblob(16),
       CASE WHEN n % 100000 = 3 THEN 'payment.rare'
            WHEN n < {count} / 5 THEN 'import.row'
            WHEN n % 10 = 0 THEN 'payment.created' WHEN n % 10 > 7 THEN 'order.shipped' ELSE 'order.created' END,
       CASE WHEN n < {count} / 5 THEN 'row' WHEN n % 1000 = 1 THEN 'refund' WHEN n % 10 = 0 THEN 'payment' ELSE 'order' END,
       'e' || (n % 10000),
       CASE WHEN n % 20 = 7 THEN 'hot' WHEN n % 3 > 0 THEN 'k' || (n % 10000) END,
       '{"number":' || n || ',"items":[{"sku":"a-sku-of-some-length","quantity":1,"price_cents":1999}],"customer":"c-'
           || (n % 5000) || '","note":"a payload of about two hundred bytes, as an order may have it","total_cents":' || (n % 9973) || '}',
       'c' || (n / 10), unhex(printf('%032d', n / 10)),
       CASE WHEN n % 1000 = 0 THEN x'00000000000000000000000000000009'
            WHEN n % 3 = 0 THEN x'00000000000000000000000000000008' END,
       '2026-01-01T00:00:00Z',
       CAST((julianday('now') - 2440587.5) * 86400000000 AS integer) - ({count} - n) * 1000000
FROM (SELECT tenant_id, store_id FROM event_log LIMIT 1) AS scope, (
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count}) SELECT n FROM numbers
);
INSERT INTO event_identity (tenant_id, store_id, event_id, log_id, payload_hash)
SELECT tenant_id, store_id, event_id, id, zeroblob(32) FROM event_log WHERE id > (SELECT max(log_id) FROM event_identity)
