-- Streams with their key streams, of one snapshot.
SELECT s.stream_no, s.tenant_id, s.store_id, s.size, s.frontier, s.last_at, k.stream_no, k.size
FROM unnest($1::uuid[], $2::uuid[]) AS wanted(tenant_id, store_id)
JOIN streams AS s USING (tenant_id, store_id)
JOIN streams AS k ON k.tenant_id = s.tenant_id AND k.store_id = '00000000-0000-0000-0000-000000000000'
