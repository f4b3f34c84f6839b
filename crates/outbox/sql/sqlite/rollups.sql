-- From minute $1 on.
SELECT minute, destination_id, event_type, worker, delivered, retried, failed, slowest_us, latencies
FROM delivery_rollup
WHERE minute >= $1
ORDER BY minute, destination_id, event_type, worker
