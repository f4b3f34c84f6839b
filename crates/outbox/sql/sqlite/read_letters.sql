-- Dead letters, the oldest first.
SELECT l.id, l.delivery_id, l.destination_id, l.log_id, l.event_id, l.event_type, l.lane, l.class, l.error, l.attempts, -- if rows
       l.worker, l.failed_at, l.closed_at, l.resolution, l.reason, l.actor, d.state, d.replay_job -- if rows
FROM dead_letter l LEFT JOIN delivery d ON d.id = l.delivery_id -- if rows
SELECT count(*) FROM (SELECT 1 FROM dead_letter l -- if count
SELECT l.class, l.error, count(*), min(l.failed_at), max(l.failed_at) FROM dead_letter l -- if groups
WHERE l.tenant_id = $1 AND l.store_id = $2
  AND (l.log_id, l.id) > ($3, $4)
  AND l.closed_at IS NULL -- if open
  AND l.destination_id IN (SELECT id FROM destination WHERE name = $5) -- if destination
  AND l.event_type IN (SELECT value FROM json_each($6)) -- if types
  AND l.class = $7 -- if class
  AND l.failed_at >= $8 -- if since
  AND l.failed_at < $9 -- if until
  AND l.log_id IN (SELECT value FROM json_each($10)) -- if ids
  AND l.id = $11 -- if letter
GROUP BY l.class, l.error ORDER BY count(*) DESC, l.class, l.error -- if groups
ORDER BY l.log_id, l.id -- if rows
LIMIT $12
) AS found -- if count
