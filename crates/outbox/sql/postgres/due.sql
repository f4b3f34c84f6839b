-- Replays, whose lanes have a part of their own behind U+001E, come last: live events never wait for them.
SELECT tenant_id, store_id, lane, due_at - outbox.now_us(), reason FROM outbox.parked_lane
WHERE destination_id = $1 AND shard_group = $2 AND due_at <= outbox.now_us()
ORDER BY strpos(lane, chr(30)) > 0, due_at LIMIT $3
