-- Pages, counts and sums of the log. A line that ends with `-- if x` is there only where x is asked for: a statement for
-- just what is asked for uses the index for it; one for all cases would use none.
SELECT id, log_epoch, xid::text, shard, tenant_id, store_id, event_id, event_key, event_type, -- if rows
       schema_version, entity_type, entity_id, order_key, payload, metadata, correlation_id, causation_id, -- if rows
       command_id, traceparent, agent_id, agent_key_id, created_at, written_at, deliverable -- if rows
SELECT count(*)::bigint FROM (SELECT 1 -- if count
SELECT event_type, count(*)::bigint, min(id), max(id), min(written_at), max(written_at) -- if stats
FROM outbox.event_log
WHERE tenant_id = $1 AND store_id = $2 AND id > $3 AND id < $4
  AND event_type = $5 -- if type
  AND event_type IN (SELECT value FROM jsonb_array_elements_text($6::text::jsonb)) -- if types
  AND entity_type = $7 -- if entity_type
  AND entity_id = $8 -- if entity_id
  AND order_key = $9 -- if order_key
  AND correlation_id = $10 -- if correlation
  AND causation_id = $11 -- if causation
  AND command_id = $12 -- if command
  AND agent_id = $13 -- if agent
  AND written_at >= $14 -- if since
  AND written_at < $15 -- if until
  AND id IN (SELECT value::bigint FROM jsonb_array_elements_text($16::text::jsonb)) -- if ids
GROUP BY event_type ORDER BY event_type -- if stats
ORDER BY id DESC -- if newest
ORDER BY id -- if oldest
LIMIT $17
) AS found -- if count
