SELECT agent_id, acknowledged FROM cursors WHERE stream_no = ? ORDER BY agent_id
