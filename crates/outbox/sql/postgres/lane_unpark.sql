-- A lane with an open delivery stays parked, else that delivery would wait for ever.
DELETE FROM outbox.parked_lane AS p
WHERE destination_id = $1 AND tenant_id = $2 AND store_id = $3 AND lane = $4 AND shard_group = $5 AND NOT EXISTS (
    SELECT 1 FROM outbox.delivery d
    WHERE d.destination_id = p.destination_id AND d.shard_group = p.shard_group AND d.tenant_id = p.tenant_id
      AND d.store_id = p.store_id AND d.lane = p.lane AND d.state IN ('pending', 'held', 'in_flight', 'retry_wait'))
