SELECT count(DISTINCT event_id), count(*), outbox.now_us() FROM outbox.subject_data
WHERE tenant_id = $1 AND store_id = $2 AND subject = $3
