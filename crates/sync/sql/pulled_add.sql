INSERT INTO sync_pulled
    (sequence, event_id, entity_type, entity_id, entity_version, event_type, agent_id, signed, own, envelope, sequenced_at,
     pulled_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
