-- The lanes in which most is waiting.
SELECT d.destination_id, d.tenant_id, d.store_id, d.lane, count(*)::bigint, min(d.created_at), p.reason, p.due_at
FROM outbox.delivery d
LEFT JOIN outbox.parked_lane p ON p.destination_id = d.destination_id AND p.tenant_id = d.tenant_id AND p.store_id = d.store_id
                          AND p.lane = d.lane
WHERE d.state IN ('pending', 'held', 'in_flight', 'retry_wait')
  AND d.destination_id = $1 -- if destination
  AND d.tenant_id = $2 AND d.store_id = $3 AND d.lane = $4 -- if lane
GROUP BY d.destination_id, d.tenant_id, d.store_id, d.lane, p.reason, p.due_at
ORDER BY count(*) DESC, d.lane LIMIT $5
