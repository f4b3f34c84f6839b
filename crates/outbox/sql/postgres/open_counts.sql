SELECT (SELECT count(*) FROM outbox.parked_lane WHERE destination_id = $1)::bigint,
       (SELECT count(*) FROM outbox.dead_letter WHERE destination_id = $1 AND closed_at IS NULL)::bigint,
       (SELECT min(e.written_at) FROM outbox.delivery d JOIN outbox.event_log e ON e.id = d.log_id
        WHERE d.destination_id = $1 AND d.state IN ('pending', 'held', 'in_flight', 'retry_wait')
          AND d.replay_job IS NULL),
       outbox.now_us()
