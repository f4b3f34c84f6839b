-- $1 now; $2: also what only a pull can clear, events that are not what or where they were promised to be.
UPDATE sync_fork SET cleared_at = $1
WHERE cleared_at IS NULL AND ($2 OR json_extract(fork, '$.kind') NOT IN ('other_events', 'misplaced'))
