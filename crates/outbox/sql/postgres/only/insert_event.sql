-- insert_events.sql for one event: without arrays and a join the database needs less time for it.
WITH fresh AS (
    INSERT INTO outbox.event_identity (tenant_id, store_id, event_id, event_key, log_id, payload_hash)
    VALUES ($1, $2, $3, $4, nextval('outbox.event_log_id'), $5)
    ON CONFLICT DO NOTHING
    RETURNING log_id
)
INSERT INTO outbox.event_log
    (id, tenant_id, store_id, event_id, event_key, shard, event_type, schema_version, entity_type, entity_id, order_key,
     payload, metadata, correlation_id, causation_id, command_id, traceparent, agent_id, agent_key_id, created_at,
     deliverable)
SELECT log_id, $1, $2, $3, $4, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21 FROM fresh
RETURNING id
