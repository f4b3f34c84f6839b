-- Events of one lane that a destination has in another order: kind, subject, detail. For sequencers, whose receipts say.
SELECT 'remote_order', 'place:' || log_id::text,
       'sequence ' || remote_sequence::text || ' at ' || name || ', after ' || before::text || ' for an earlier event of its lane'
FROM (
    SELECT r.log_id, r.remote_sequence, d.name,
           lag(r.remote_sequence) OVER (PARTITION BY r.destination_id, coalesce(e.order_key, e.entity_type || chr(31) || e.entity_id)
                                        ORDER BY r.log_id) AS before
    FROM outbox.receipt r
    JOIN outbox.event_log e ON e.id = r.log_id
    JOIN outbox.destination d ON d.id = r.destination_id
    WHERE e.tenant_id = $1 AND e.store_id = $2 AND r.kind = 'sequencer' AND r.remote_sequence IS NOT NULL
) AS lanes
WHERE before IS NOT NULL AND remote_sequence <= before LIMIT $3
