SELECT d.log_id, d.id, d.destination_id, d.replay_job, d.lane, d.route, d.route_version, d.state, d.reason, d.attempts,
       d.next_attempt_at, d.last_class, d.last_error, d.created_at, d.updated_at, d.finished_at,
       (SELECT l.id FROM outbox.dead_letter l WHERE l.delivery_id = d.id AND l.closed_at IS NULL)
FROM outbox.delivery d
WHERE d.log_id IN (SELECT value::bigint FROM jsonb_array_elements_text($1::text::jsonb))
ORDER BY d.log_id, d.id
