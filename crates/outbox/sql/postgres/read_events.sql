-- Pages, counts, edges and sums of the log, along one way through it. A line that ends with `-- if x` is there only where
-- x is asked for: a statement for just what is asked for uses the index for it; one for all cases would use none.
--
-- A way is written as a range of tuples, and its order too. `event_type = $5 … ORDER BY id LIMIT 50` may also be answered
-- by walking the whole log backwards, which is what the planner does where it takes the type for a frequent one; the order
-- of tuples is that of one index. The value is selected, which hides it: knowing it, the planner takes the range for one
-- row, and would rather sort one row than follow the index.
--
-- A scan of tuples that is to end at a place ends where the first member ends, not before: where few lie between both ends (closed),
-- and for an entity, of which the planner knows that it is rare, the way is asked for plainly, and sorted.
--
-- What else rows must say is no condition for an index, for the way is chosen: IS NOT DISTINCT FROM.
SELECT id, log_epoch, xid::text, shard, tenant_id, store_id, event_id, event_key, event_type, -- if rows
       schema_version, entity_type, entity_id, order_key, -- if rows
       payload, metadata, -- if rows whole
       '', NULL::text, -- if rows slim
       correlation_id, causation_id, command_id, traceparent, agent_id, agent_key_id, -- if rows
       created_at, written_at, deliverable -- if rows
SELECT id, payload, metadata -- if payloads
SELECT id -- if places
SELECT count(*)::bigint FROM (SELECT 1 -- if count
FROM outbox.event_log -- if by_one
-- Places that are known, whatever else rows must say: another index would find all that says it.
FROM (SELECT * FROM outbox.event_log WHERE id > $3 AND id < $4 -- if by_ids
        AND id = ANY (ARRAY(SELECT value::bigint FROM jsonb_array_elements_text($16::text::jsonb))) OFFSET 0) AS few -- if by_ids
-- Ways that have another order: few events, all of which are read and sorted. The planner believes that nearly everything is
-- not null; a plain range of places it would take for few rows, and look for them in the whole log.
FROM (SELECT * FROM outbox.event_log WHERE tenant_id = $1 AND store_id = $2 AND entity_type = $7 -- if by_entity_type
        AND nullif(id > $3 AND id < $4, false) IS NOT NULL ORDER BY entity_id, id LIMIT 10001) AS few -- if by_entity_type
FROM (SELECT * FROM outbox.event_log WHERE tenant_id = $1 AND store_id = $2 -- if by_scope
        AND nullif(id > $3 AND id < $4, false) IS NOT NULL ORDER BY event_type, id LIMIT 10001) AS few -- if by_scope
FROM (SELECT one.* FROM jsonb_array_elements_text($6::text::jsonb) AS wanted CROSS JOIN LATERAL ( -- if by_types
          SELECT * FROM outbox.event_log WHERE tenant_id = $1 AND store_id = $2 -- if by_types
            AND (event_type, id) > (wanted.value, $3) AND (event_type, id) < (wanted.value, $4) -- if by_types
          ORDER BY event_type, id LIMIT 10001) AS one -- if by_types
      LIMIT 10001) AS few -- if by_types
WHERE true
  AND tenant_id = $1 AND store_id = $2 -- if scoped
  AND id > $3 AND id < $4 -- if by_log
  AND (event_type, id) > ((SELECT $5), $3) AND (event_type, id) < ((SELECT $5), $4) -- if by_type open
  AND event_type = $5 AND id > $3 AND id < $4 -- if by_type closed
  AND entity_type = $7 AND entity_id = $8 AND id > $3 AND id < $4 -- if by_entity
  AND order_key IS NOT NULL AND (order_key, id) > ((SELECT $9), $3) AND (order_key, id) < ((SELECT $9), $4) -- if by_order_key open
  AND order_key = $9 AND id > $3 AND id < $4 -- if by_order_key closed
  AND correlation_id IS NOT NULL AND (correlation_id, id) > ((SELECT $10), $3) AND (correlation_id, id) < ((SELECT $10), $4) -- if by_correlation open
  AND correlation_id = $10 AND id > $3 AND id < $4 -- if by_correlation closed
  AND command_id IS NOT NULL AND (command_id, id) > ((SELECT $12), $3) AND (command_id, id) < ((SELECT $12), $4) -- if by_command open
  AND command_id = $12 AND id > $3 AND id < $4 -- if by_command closed
  AND agent_id IS NOT NULL AND (agent_id, id) > ((SELECT $13), $3) AND (agent_id, id) < ((SELECT $13), $4) -- if by_agent open
  AND agent_id = $13 AND id > $3 AND id < $4 -- if by_agent closed
  AND event_type IS NOT DISTINCT FROM $5 -- if type
  AND event_type IN (SELECT value FROM jsonb_array_elements_text($6::text::jsonb)) -- if types
  AND entity_type IS NOT DISTINCT FROM $7 -- if entity_type
  AND entity_id IS NOT DISTINCT FROM $8 -- if entity_id
  AND order_key IS NOT DISTINCT FROM $9 -- if order_key
  AND correlation_id IS NOT DISTINCT FROM $10 -- if correlation
  AND causation_id IS NOT DISTINCT FROM $11 -- if causation
  AND command_id IS NOT DISTINCT FROM $12 -- if command
  AND agent_id IS NOT DISTINCT FROM $13 -- if agent
  AND written_at >= $14 -- if since
  AND written_at < $15 -- if until
ORDER BY event_type DESC, id DESC -- if by_type open newest
ORDER BY event_type, id -- if by_type open oldest
ORDER BY order_key DESC, id DESC -- if by_order_key open newest
ORDER BY order_key, id -- if by_order_key open oldest
ORDER BY correlation_id DESC, id DESC -- if by_correlation open newest
ORDER BY correlation_id, id -- if by_correlation open oldest
ORDER BY command_id DESC, id DESC -- if by_command open newest
ORDER BY command_id, id -- if by_command open oldest
ORDER BY agent_id DESC, id DESC -- if by_agent open newest
ORDER BY agent_id, id -- if by_agent open oldest
ORDER BY id + 0 DESC -- if closed newest
ORDER BY id + 0 -- if closed oldest
ORDER BY id DESC -- if by_id newest
ORDER BY id -- if by_id oldest
LIMIT $17
OFFSET $18
) AS found -- if count
