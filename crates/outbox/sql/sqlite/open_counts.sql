-- Parked lanes, open dead letters, and when the oldest event with an unfinished delivery was written: ids grow with time, so
-- it is the one with the least place, which the index has for each state.
SELECT (SELECT count(*) FROM parked_lane WHERE destination_id = $1),
       (SELECT count(*) FROM dead_letter WHERE destination_id = $1 AND closed_at IS NULL),
       (SELECT min(e.written_at)
        FROM (SELECT 'pending' AS state UNION ALL SELECT 'held' UNION ALL SELECT 'in_flight' UNION ALL SELECT 'retry_wait') AS open
        JOIN event_log e ON e.id = (SELECT d.log_id FROM delivery d INDEXED BY delivery_by_state
                                    WHERE d.destination_id = $1 AND d.state = open.state AND d.replay_job IS NULL
                                    ORDER BY d.log_id LIMIT 1)),
       CAST((julianday('now') - 2440587.5) * 86400000000 AS integer)
