-- Of the lane, and of the consumer.
SELECT (SELECT count(*) FROM held_event WHERE consumer = $1 AND tenant_id = $2 AND store_id = $3 AND lane = $4),
       (SELECT count(*) FROM held_event WHERE consumer = $1)
