-- Adds what is not known yet. The conflict has no target, so that neither the id nor the key aborts the transaction.
WITH input AS MATERIALIZED (
    SELECT nextval('outbox.event_log_id') AS log_id, u.*
    FROM unnest($3::uuid[], $4::text[], $5::bytea[], $6::smallint[], $7::text[], $8::integer[], $9::text[], $10::text[],
                $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::uuid[], $17::text[], $18::uuid[],
                $19::bigint[], $20::text[], $21::boolean[])
        AS u (event_id, event_key, payload_hash, shard, event_type, schema_version, entity_type, entity_id, order_key,
              payload, metadata, correlation_id, causation_id, command_id, traceparent, agent_id, agent_key_id,
              created_at, deliverable)
), fresh AS (
    INSERT INTO outbox.event_identity (tenant_id, store_id, event_id, event_key, log_id, payload_hash)
    SELECT $1, $2, event_id, event_key, log_id, payload_hash FROM input
    ON CONFLICT DO NOTHING
    RETURNING log_id
)
INSERT INTO outbox.event_log
    (id, tenant_id, store_id, event_id, event_key, shard, event_type, schema_version, entity_type, entity_id, order_key,
     payload, metadata, correlation_id, causation_id, command_id, traceparent, agent_id, agent_key_id, created_at,
     deliverable)
SELECT log_id, $1, $2, event_id, event_key, shard, event_type, schema_version, entity_type, entity_id, order_key,
       payload, metadata, correlation_id, causation_id, command_id, traceparent, agent_id, agent_key_id, created_at,
       deliverable
FROM input JOIN fresh USING (log_id)
RETURNING event_id, id
