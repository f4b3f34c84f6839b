-- Streams with their key streams, of one snapshot.
WITH wanted (tenant_id, store_id)
AS (VALUES (?, ?))
SELECT s.stream_no, s.tenant_id, s.store_id, s.size, s.frontier, s.last_at, k.stream_no, k.size
FROM wanted AS w
CROSS JOIN streams AS s ON s.tenant_id = w.tenant_id AND s.store_id = w.store_id
CROSS JOIN streams AS k ON k.tenant_id = s.tenant_id AND k.store_id = zeroblob(16)
