WITH scope AS MATERIALIZED (SELECT tenant_id, store_id FROM {event_log} LIMIT 1),
numbers AS MATERIALIZED (
    SELECT n, nextval('shop.event_log_id') AS id, gen_random_uuid() AS event_id,
           (extract(epoch FROM transaction_timestamp()) * 1000000)::bigint + n * 1000000 AS written_at
    FROM generate_series(1, {count}::bigint) AS n
),
known AS (
    INSERT INTO {event_identity} (tenant_id, store_id, event_id, log_id, payload_hash)
    SELECT tenant_id, store_id, event_id, id, sha256('x') FROM numbers, scope
)
INSERT INTO {event_log} (id, shard, tenant_id, store_id, event_id, event_type, entity_type, entity_id, order_key, payload,
                         correlation_id, command_id, agent_id, created_at, written_at)
SELECT id, (n % 64)::smallint, tenant_id, store_id, event_id,
       CASE WHEN n % 10000 = 3 THEN 'payment.rare' WHEN n % 10 = 0 THEN 'payment.created' WHEN n % 10 > 7 THEN 'order.shipped' ELSE 'order.created' END,
       CASE WHEN n % 10 = 0 THEN 'payment' ELSE 'order' END, 'e' || (n % 10000), 'k' || (n % 10000),
       '{"number":' || n || ',"items":[{"sku":"a-sku-of-some-length","quantity":1,"price_cents":1999}],"note":"like an order"}',
       'c' || (n % 10000), lpad((n % 10000)::text, 32, '0')::uuid,
       CASE WHEN n % 1000 = 0 THEN '00000000-0000-0000-0000-000000000009'::uuid END,
       '2026-01-01T00:00:00Z', written_at
FROM numbers, scope
