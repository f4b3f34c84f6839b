SELECT (SELECT count(*) FROM parked_lane WHERE destination_id = $1),
       (SELECT count(*) FROM dead_letter WHERE destination_id = $1 AND closed_at IS NULL),
       (SELECT min(e.written_at) FROM delivery d JOIN event_log e ON e.id = d.log_id
        WHERE d.destination_id = $1 AND d.state IN ('pending', 'held', 'in_flight', 'retry_wait')
          AND d.replay_job IS NULL),
       CAST((julianday('now') - 2440587.5) * 86400000000 AS integer)
