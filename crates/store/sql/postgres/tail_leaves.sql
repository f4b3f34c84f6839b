-- What the leaves at places $2 .. $3 are made of.
SELECT seq, content_hash, agent_key_id, seal FROM events
WHERE stream_no = $1 AND seq BETWEEN $2 AND $3 ORDER BY seq
