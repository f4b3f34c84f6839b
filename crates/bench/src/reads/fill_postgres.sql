-- {count} events of a shop over {count} seconds; see fill_sqlite.sql, which makes the same ones.
WITH scope AS MATERIALIZED (SELECT tenant_id, store_id FROM outbox.event_log LIMIT 1),
numbers AS MATERIALIZED (
    SELECT n, nextval('outbox.event_log_id') AS id, gen_random_uuid() AS event_id,
           outbox.now_us() - ({count}::bigint - n) * 1000000 AS written_at
    FROM generate_series(1, {count}::bigint) AS n
),
known AS (
    INSERT INTO outbox.event_identity (tenant_id, store_id, event_id, log_id, payload_hash)
    SELECT tenant_id, store_id, event_id, id, sha256('x') FROM numbers, scope
)
INSERT INTO outbox.event_log (id, shard, tenant_id, store_id, event_id, event_type, entity_type, entity_id, order_key, payload,
                              correlation_id, command_id, agent_id, created_at, written_at)
SELECT id, (n % 64)::smallint, tenant_id, store_id, event_id,
       CASE WHEN n % 100000 = 3 THEN 'payment.rare'
            WHEN n < {count} / 5 THEN 'import.row'
            WHEN n % 10 = 0 THEN 'payment.created' WHEN n % 10 > 7 THEN 'order.shipped' ELSE 'order.created' END,
       CASE WHEN n < {count} / 5 THEN 'row' WHEN n % 1000 = 1 THEN 'refund' WHEN n % 10 = 0 THEN 'payment' ELSE 'order' END,
       'e' || (n % 10000),
       CASE WHEN n % 20 = 7 THEN 'hot' WHEN n % 3 > 0 THEN 'k' || (n % 10000) END,
       '{"number":' || n || ',"items":[{"sku":"a-sku-of-some-length","quantity":1,"price_cents":1999}],"customer":"c-'
           || (n % 5000) || '","note":"a payload of about two hundred bytes, as an order may have it","total_cents":' || (n % 9973) || '}',
       'c' || (n / 10), lpad((n / 10)::text, 32, '0')::uuid,
       CASE WHEN n % 1000 = 0 THEN '00000000-0000-0000-0000-000000000009'::uuid
            WHEN n % 3 = 0 THEN '00000000-0000-0000-0000-000000000008'::uuid END,
       '2026-01-01T00:00:00Z', written_at
FROM numbers, scope
