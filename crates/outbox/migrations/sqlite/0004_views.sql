-- The state of any event at any destination, derived: an exception row says it, else the cursor does. And the words of
-- other systems for it, so that their queries go on working. For people and tools: a view over many events reads them all.

-- One row per event and destination that a route in force at the event sends it to.
CREATE VIEW delivery_state AS
WITH routed AS (
    SELECT e.*, d.id AS destination_id, d.name AS destination, e.shard * d.shard_groups / 64 AS shard_group
    FROM event_log e CROSS JOIN destination d
    WHERE e.deliverable AND EXISTS (
        SELECT 1 FROM route r
        WHERE r.destination_id = d.id AND r.active
          AND e.event_type GLOB r.type_glob
          AND e.id > r.start_snapshot
          AND NOT EXISTS (
              SELECT 1 FROM route n
              WHERE n.destination_id = r.destination_id AND n.name = r.name AND n.version > r.version
                AND e.id > n.start_snapshot))
), judged AS (
    SELECT e.*, x.state AS row_state, x.reason, x.attempts, x.next_attempt_at, x.last_class, x.last_error, x.finished_at,
           k.received_at AS acknowledged_at, k.remote_sequence, c.lease_until,
           e.id <= c.prev AS covered,
           coalesce(c.lease_until > CAST((julianday('now') - 2440587.5) * 86400000000 AS integer) AND e.id <= c.claim_upto
                    AND e.id <= c.claim_snapshot, 0) AS claimed
    FROM routed e
    JOIN delivery_cursor c ON c.destination_id = e.destination_id AND c.shard_group = e.shard_group
    LEFT JOIN delivery x ON x.destination_id = e.destination_id AND x.log_id = e.id AND x.replay_job IS NULL
    LEFT JOIN receipt k ON k.destination_id = e.destination_id AND k.log_id = e.id
)
SELECT id AS log_id, tenant_id, store_id, event_id, event_key, event_type, schema_version, entity_type, entity_id, order_key,
       payload, metadata, correlation_id, causation_id, command_id, created_at, written_at, destination,
       CASE WHEN acknowledged_at IS NOT NULL AND coalesce(row_state, 'delivered') = 'delivered' THEN 'acknowledged'
            WHEN row_state IS NOT NULL THEN row_state
            WHEN covered THEN 'delivered'
            WHEN claimed THEN 'in_flight'
            ELSE 'pending' END AS state,
       reason, coalesce(attempts, 0) AS attempts, next_attempt_at, last_class, last_error,
       CASE WHEN claimed AND NOT covered THEN lease_until WHEN row_state = 'in_flight' THEN lease_until END AS locked_until,
       CASE WHEN row_state IN ('delivered', 'acknowledged') THEN finished_at
            WHEN row_state IS NULL AND covered THEN (
                SELECT min(m.at) FROM delivery_mark m
                WHERE m.destination_id = judged.destination_id AND m.shard_group = judged.shard_group AND judged.id <= m.upto AND judged.id <= m.snapshot)
       END AS delivered_at,
       acknowledged_at, remote_sequence
FROM judged;

-- PENDING, PROCESSING, COMPLETED, FAILED in `status`; Pending, Synced, Failed, Acknowledged in `sync_status`.
CREATE VIEW outbox AS
SELECT log_id, tenant_id, store_id, event_id, event_type, entity_type, entity_id, order_key, payload, correlation_id,
       destination,
       CASE WHEN state IN ('pending', 'held', 'in_flight') THEN 'Pending' WHEN state = 'delivered' THEN 'Synced'
            WHEN state = 'acknowledged' THEN 'Acknowledged' ELSE 'Failed' END AS sync_status,
       CASE WHEN state IN ('pending', 'held', 'retry_wait') THEN 'PENDING' WHEN state = 'in_flight' THEN 'PROCESSING'
            WHEN state IN ('delivered', 'acknowledged') THEN 'COMPLETED' ELSE 'FAILED' END AS status,
       state, state IN ('pending', 'held', 'in_flight', 'retry_wait') AS will_retry, reason,
       max(attempts - 1, 0) AS retry_count, strftime('%Y-%m-%dT%H:%M:%fZ', next_attempt_at / 1e6, 'unixepoch') AS next_retry_at,
       last_error AS error_message, created_at, strftime('%Y-%m-%dT%H:%M:%fZ', delivered_at / 1e6, 'unixepoch') AS processed_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', acknowledged_at / 1e6, 'unixepoch') AS acknowledged_at, remote_sequence AS sequence_number
FROM delivery_state;

-- `Event<PT>` as it is stored: Pending, Processing, Sent. What it calls dead letters is in dlq_event_log only.
CREATE VIEW outbox_004 AS
SELECT event_id AS id, event_key AS idempotency_token, event_type, payload, created_at AS created_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', coalesce(locked_until, 0) / 1e6, 'unixepoch') AS locked_until,
       CASE WHEN state IN ('pending', 'held', 'retry_wait') THEN 'Pending' WHEN state = 'in_flight' THEN 'Processing' ELSE 'Sent' END AS status,
       state, destination, tenant_id, store_id
FROM delivery_state
WHERE state NOT IN ('dead', 'rejected', 'discarded');

-- Dead letters with their events, open and closed.
CREATE VIEW dlq_event_log AS
SELECT l.id, l.event_id, l.tenant_id, l.store_id, l.event_type, e.event_key, e.payload, e.metadata, e.correlation_id,
       d.name AS destination, l.class, l.error AS error_message, max(l.attempts - 1, 0) AS retry_count, l.attempts,
       strftime('%Y-%m-%dT%H:%M:%fZ', l.failed_at / 1e6, 'unixepoch') AS failed_at, strftime('%Y-%m-%dT%H:%M:%fZ', l.closed_at / 1e6, 'unixepoch') AS closed_at, l.resolution, l.reason,
       l.actor,
       CASE WHEN l.resolution = 'redriven' THEN 'PENDING' ELSE 'FAILED' END AS status,
       CASE l.resolution WHEN 'redriven' THEN 'redriven' WHEN 'discarded' THEN 'discarded' ELSE 'dead' END AS state,
       coalesce(l.resolution = 'redriven', 0) AS will_retry
FROM dead_letter l
JOIN destination d ON d.id = l.destination_id
LEFT JOIN event_log e ON e.id = l.log_id;
