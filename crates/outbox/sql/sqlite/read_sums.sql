-- How many events of each type match, with the first and the last place. Without further conditions the index of types
-- has all of it. A line that ends with `-- if x` is there only where x is asked for.
SELECT event_type, count(*), min(id), max(id)
FROM event_log
WHERE tenant_id = $1 AND store_id = $2 AND id > $3 AND id < $4
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
  AND id IN (SELECT value FROM json_each($16)) -- if ids
GROUP BY event_type ORDER BY event_type
LIMIT $17
