-- Events behind a cursor, of deliveries without a row: pending, or being published. By place: by tenant it would be the
-- whole log.
SELECT DISTINCT id FROM (
    SELECT e.id FROM delivery_cursor c
    JOIN destination d ON d.id = c.destination_id
    JOIN event_log e NOT INDEXED ON e.id > c.prev AND e.shard * d.shard_groups / 64 = c.shard_group
    WHERE e.deliverable AND e.tenant_id = $2 AND e.store_id = $3
      AND d.name = $1 -- if destination
    LIMIT $4
) AS waiting
