SELECT s.tenant_id, p.key_id, count(*), sum(p.last_seq - p.first_seq + 1)
FROM event_payload AS p JOIN streams AS s USING (stream_no)
GROUP BY s.tenant_id, p.key_id ORDER BY s.tenant_id, p.key_id
