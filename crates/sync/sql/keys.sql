SELECT k.key_id, k.public_key, k.file, k.created_at, k.registered_at, k.retired_at,
       (SELECT count(*) FROM sync_event e JOIN event_log l ON l.id = e.local_seq
        WHERE e.state IN ('pending', 'in_flight', 'retry_wait', 'delivered') AND l.agent_key_id = k.key_id)
FROM sync_key k
ORDER BY k.key_id
