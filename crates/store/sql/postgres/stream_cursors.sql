SELECT agent_id, acknowledged FROM cursors WHERE stream_no = $1 ORDER BY agent_id
