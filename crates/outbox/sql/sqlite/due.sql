-- Replays, whose lanes have a part of their own behind U+001E, come last: live events never wait for them.
SELECT tenant_id, store_id, lane, due_at - CAST((julianday('now') - 2440587.5) * 86400000000 AS integer), reason FROM parked_lane
WHERE destination_id = $1 AND shard_group = $2 AND due_at <= CAST((julianday('now') - 2440587.5) * 86400000000 AS integer)
ORDER BY instr(lane, char(30)) > 0, due_at LIMIT $3
