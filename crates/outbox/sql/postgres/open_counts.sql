-- Parked lanes, open dead letters, and when the oldest event with an unfinished delivery was written: ids grow with time, so
-- it is the one with the least place, which the index has for each state.
SELECT (SELECT count(*) FROM outbox.parked_lane WHERE destination_id = $1)::bigint,
       (SELECT count(*) FROM outbox.dead_letter WHERE destination_id = $1 AND closed_at IS NULL)::bigint,
       (SELECT min(e.written_at)
        FROM unnest('{pending,held,in_flight,retry_wait}'::text[]) AS open (state)
        CROSS JOIN LATERAL (SELECT log_id FROM outbox.delivery d
                            WHERE d.destination_id = $1 AND (d.state, d.log_id) > (open.state, -1) AND d.state <= open.state
                              AND d.replay_job IS NULL
                            ORDER BY d.state, d.log_id LIMIT 1) AS first
        JOIN outbox.event_log e ON e.id = first.log_id),
       outbox.now_us()
