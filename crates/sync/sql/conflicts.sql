-- $1: resolved ones too.
SELECT c.conflict_id, e.event_id, c.kind, c.entity_type, c.entity_id, l.event_type, c.expected, c.actual,
       coalesce((SELECT version FROM sync_entity v WHERE v.entity_type = c.entity_type AND v.entity_id = c.entity_id), 0),
       c.detected_at,
       (SELECT count(*) FROM sync_event f JOIN event_log m ON m.id = f.local_seq
        WHERE c.resolved_at IS NULL AND f.state = 'pending'
          AND m.entity_type = c.entity_type AND m.entity_id = c.entity_id),
       c.resolved_at, c.strategy, (SELECT event_id FROM sync_event r WHERE r.local_seq = c.replacement)
FROM sync_conflict c
JOIN sync_event e ON e.local_seq = c.local_seq
JOIN event_log l ON l.id = c.local_seq
WHERE c.resolved_at IS NULL OR $1
ORDER BY c.conflict_id
