SELECT count(DISTINCT event_id), count(*), CAST((julianday('now') - 2440587.5) * 86400000000 AS integer) FROM subject_data
WHERE tenant_id = $1 AND store_id = $2 AND subject = $3
