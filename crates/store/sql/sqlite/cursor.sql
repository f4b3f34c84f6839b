SELECT acknowledged, updated_at FROM cursors WHERE stream_no = ? AND agent_id = ?
