INSERT INTO cursors (stream_no, agent_id, acknowledged, updated_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (stream_no, agent_id) DO UPDATE
SET acknowledged = greatest(cursors.acknowledged, excluded.acknowledged),
    updated_at = CASE WHEN excluded.acknowledged > cursors.acknowledged
                      THEN excluded.updated_at ELSE cursors.updated_at END
RETURNING acknowledged, updated_at
