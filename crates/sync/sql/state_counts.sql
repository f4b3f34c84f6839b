SELECT CASE WHEN e.state = 'pending' AND EXISTS (
                SELECT 1 FROM sync_conflict c JOIN event_log l ON l.id = e.local_seq
                WHERE c.resolved_at IS NULL AND c.entity_type = l.entity_type AND c.entity_id = l.entity_id)
            THEN 'held' ELSE e.state END AS shown,
       count(*)
FROM sync_event e
GROUP BY shown
