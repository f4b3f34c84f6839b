SELECT acknowledged, updated_at FROM cursors WHERE stream_no = $1 AND agent_id = $2
