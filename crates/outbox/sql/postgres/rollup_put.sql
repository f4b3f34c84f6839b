-- $1 is a JSON array of rollups. A worker's row for a minute is replaced by its newer, larger self.
INSERT INTO outbox.delivery_rollup
    (minute, destination_id, event_type, worker, delivered, retried, failed, slowest_us, latencies)
SELECT r.minute, r.destination, r.event_type, r.worker, r.delivered, r.retried, r.failed, r.slowest_us, r.latencies
FROM jsonb_to_recordset($1::text::jsonb)
    AS r (minute bigint, destination integer, event_type text, worker text, delivered bigint, retried bigint,
          failed bigint, slowest_us bigint, latencies text)
ON CONFLICT (minute, destination_id, event_type, worker) DO UPDATE
SET delivered = excluded.delivered, retried = excluded.retried, failed = excluded.failed,
    slowest_us = excluded.slowest_us, latencies = excluded.latencies
