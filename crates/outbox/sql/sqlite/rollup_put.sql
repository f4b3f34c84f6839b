-- $1 is a JSON array of rollups. A worker's row for a minute is replaced by its newer, larger self.
INSERT INTO delivery_rollup
    (minute, destination_id, event_type, worker, delivered, retried, failed, slowest_us, latencies)
SELECT r.value ->> 'minute', r.value ->> 'destination', r.value ->> 'event_type', r.value ->> 'worker',
       r.value ->> 'delivered', r.value ->> 'retried', r.value ->> 'failed', r.value ->> 'slowest_us',
       r.value -> 'latencies'
FROM json_each($1) AS r
WHERE true
ON CONFLICT (minute, destination_id, event_type, worker) DO UPDATE
SET delivered = excluded.delivered, retried = excluded.retried, failed = excluded.failed,
    slowest_us = excluded.slowest_us, latencies = excluded.latencies
