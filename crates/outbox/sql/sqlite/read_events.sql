-- Pages, counts, edges and sums of the log, along one way through it. A line that ends with `-- if x` is there only where
-- x is asked for: a statement for just what is asked for uses the index for it; one for all cases would use none.
SELECT id, log_epoch, '0', shard, tenant_id, store_id, event_id, event_key, event_type, -- if rows
       schema_version, entity_type, entity_id, order_key, -- if rows
       payload, metadata, -- if rows whole
       '', NULL, -- if rows slim
       correlation_id, causation_id, command_id, traceparent, agent_id, agent_key_id, -- if rows
       created_at, written_at, deliverable -- if rows
SELECT id, payload, metadata -- if payloads
SELECT id -- if places
SELECT count(*) FROM (SELECT 1 -- if count
FROM event_log NOT INDEXED -- if by_log
FROM event_log NOT INDEXED -- if by_ids
FROM event_log INDEXED BY event_log_type -- if by_type
FROM event_log INDEXED BY event_log_type -- if by_types
FROM event_log INDEXED BY event_log_type -- if by_scope
FROM event_log INDEXED BY event_log_entity -- if by_entity
FROM event_log INDEXED BY event_log_entity -- if by_entity_type
FROM event_log INDEXED BY event_log_order_key -- if by_order_key
FROM event_log INDEXED BY event_log_correlation -- if by_correlation
FROM event_log INDEXED BY event_log_command -- if by_command
FROM event_log INDEXED BY event_log_agent -- if by_agent
WHERE id > $3 AND id < $4
  AND tenant_id = $1 AND store_id = $2 -- if scoped
  AND event_type = $5 -- if by_type
  AND event_type IN (SELECT value FROM json_each($6)) -- if by_types
  AND entity_type = $7 AND entity_id = $8 -- if by_entity
  AND entity_type = $7 -- if by_entity_type
  AND order_key = $9 -- if by_order_key
  AND correlation_id = $10 -- if by_correlation
  AND command_id = $12 -- if by_command
  AND agent_id = $13 -- if by_agent
  AND id IN (SELECT value FROM json_each($16)) -- if by_ids
  AND event_type = $5 -- if type
  AND event_type IN (SELECT value FROM json_each($6)) -- if types
  AND entity_type = $7 -- if entity_type
  AND entity_id = $8 -- if entity_id
  AND order_key = $9 -- if order_key
  AND correlation_id = $10 -- if correlation
  AND causation_id = $11 -- if causation
  AND command_id = $12 -- if command
  AND agent_id = $13 -- if agent
  AND written_at >= $14 -- if since
  AND written_at < $15 -- if until
ORDER BY id DESC -- if newest
ORDER BY id -- if oldest
LIMIT $17
OFFSET $18
) AS found -- if count
