-- Events behind the cursors that a route takes now, at most $2, and when the oldest of them was written.
SELECT count(*), min(written_at)
FROM (
    SELECT e.written_at FROM delivery_cursor c
    JOIN destination d ON d.id = c.destination_id
    JOIN event_log e NOT INDEXED ON e.id > c.prev AND e.shard * d.shard_groups / 64 = c.shard_group
    WHERE c.destination_id = $1 AND e.deliverable AND EXISTS (
        SELECT 1 FROM route r
        WHERE r.destination_id = $1 AND r.active AND e.event_type GLOB r.type_glob AND NOT EXISTS (
            SELECT 1 FROM route n WHERE n.destination_id = r.destination_id AND n.name = r.name AND n.version > r.version))
    LIMIT $2
) AS waiting
