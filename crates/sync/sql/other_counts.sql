-- Events of the log that agent $3 of store $1, $2 does not sign; open conflicts; events in quarantine.
SELECT (SELECT count(*) FROM sync_event e JOIN event_log l ON l.id = e.local_seq
        WHERE e.state = 'pending' AND (l.tenant_id <> $1 OR l.store_id <> $2 OR l.agent_id IS NOT $3)),
       (SELECT count(*) FROM sync_conflict WHERE resolved_at IS NULL),
       (SELECT count(*) FROM sync_quarantine)
