-- The state of any event at any destination, derived: an exception row says it, else the cursor does. And the words of
-- other systems for it, so that their queries go on working. For people and tools: a view over many events reads them all.

-- Whether a log position, taken in a log epoch, is before an event.
CREATE FUNCTION outbox.is_before(start_epoch smallint, start pg_snapshot, log_epoch smallint, xid xid8) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT log_epoch > start_epoch OR (log_epoch = start_epoch AND NOT pg_visible_in_snapshot(xid, start)) $$;

-- One row per event and destination that a route in force at the event sends it to.
CREATE VIEW outbox.delivery_state WITH (security_invoker = true) AS
WITH routed AS (
    SELECT e.*, d.id AS destination_id, d.name AS destination, e.shard * d.shard_groups / 64 AS shard_group
    FROM outbox.event_log e CROSS JOIN outbox.destination d
    WHERE e.deliverable AND EXISTS (
        SELECT 1 FROM outbox.route r
        WHERE r.destination_id = d.id AND r.active
          AND e.event_type LIKE replace(replace(r.type_glob, '_', '\_'), '*', '%')
          AND outbox.is_before(r.start_log_epoch, r.start_snapshot, e.log_epoch, e.xid)
          AND NOT EXISTS (
              SELECT 1 FROM outbox.route n
              WHERE n.destination_id = r.destination_id AND n.name = r.name AND n.version > r.version
                AND outbox.is_before(n.start_log_epoch, n.start_snapshot, e.log_epoch, e.xid)))
), judged AS (
    SELECT e.*, x.state AS row_state, x.reason, x.attempts, x.next_attempt_at, x.last_class, x.last_error, x.finished_at,
           k.received_at AS acknowledged_at, k.remote_sequence, c.lease_until,
           CASE WHEN e.log_epoch = c.log_epoch
                THEN pg_visible_in_snapshot(e.xid, c.prev)
                     OR (c.cur IS NOT NULL AND e.id <= c.last_id AND pg_visible_in_snapshot(e.xid, c.cur))
                ELSE e.log_epoch < c.log_epoch AND NOT (e.id > c.redeliver_from AND e.id <= c.redeliver_upto)
           END AS covered,
           coalesce(c.claim_snapshot IS NOT NULL AND c.lease_until > outbox.now_us() AND e.id <= c.claim_upto
                    AND pg_visible_in_snapshot(e.xid, c.claim_snapshot), false) AS claimed
    FROM routed e
    JOIN outbox.delivery_cursor c ON c.destination_id = e.destination_id AND c.shard_group = e.shard_group
    LEFT JOIN outbox.delivery x ON x.destination_id = e.destination_id AND x.log_id = e.id AND x.replay_job IS NULL
    LEFT JOIN outbox.receipt k ON k.destination_id = e.destination_id AND k.log_id = e.id
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
                SELECT min(m.at) FROM outbox.delivery_mark m
                WHERE m.destination_id = judged.destination_id AND m.shard_group = judged.shard_group AND judged.id <= m.upto
                  AND (judged.log_epoch < m.log_epoch
                       OR (judged.log_epoch = m.log_epoch AND pg_visible_in_snapshot(judged.xid, m.snapshot))))
       END AS delivered_at,
       acknowledged_at, remote_sequence
FROM judged;

-- PENDING, PROCESSING, COMPLETED, FAILED in `status`; Pending, Synced, Failed, Acknowledged in `sync_status`.
CREATE VIEW outbox.outbox WITH (security_invoker = true) AS
SELECT log_id, tenant_id, store_id, event_id, event_type, entity_type, entity_id, order_key, payload, correlation_id,
       destination,
       CASE WHEN state IN ('pending', 'held', 'in_flight') THEN 'Pending' WHEN state = 'delivered' THEN 'Synced'
            WHEN state = 'acknowledged' THEN 'Acknowledged' ELSE 'Failed' END AS sync_status,
       CASE WHEN state IN ('pending', 'held', 'retry_wait') THEN 'PENDING' WHEN state = 'in_flight' THEN 'PROCESSING'
            WHEN state IN ('delivered', 'acknowledged') THEN 'COMPLETED' ELSE 'FAILED' END AS status,
       state, state IN ('pending', 'held', 'in_flight', 'retry_wait') AS will_retry, reason,
       greatest(attempts - 1, 0) AS retry_count, to_timestamp(next_attempt_at / 1e6) AS next_retry_at,
       last_error AS error_message, created_at, to_timestamp(delivered_at / 1e6) AS processed_at,
       to_timestamp(acknowledged_at / 1e6) AS acknowledged_at, remote_sequence AS sequence_number
FROM outbox.delivery_state;

-- `Event<PT>` as it is stored: Pending, Processing, Sent. What it calls dead letters is in dlq_event_log only.
CREATE VIEW outbox.outbox_004 WITH (security_invoker = true) AS
SELECT event_id AS id, event_key AS idempotency_token, event_type, payload, created_at::timestamptz AS created_at,
       to_timestamp(coalesce(locked_until, 0) / 1e6) AS locked_until,
       CASE WHEN state IN ('pending', 'held', 'retry_wait') THEN 'Pending' WHEN state = 'in_flight' THEN 'Processing' ELSE 'Sent' END AS status,
       state, destination, tenant_id, store_id
FROM outbox.delivery_state
WHERE state NOT IN ('dead', 'rejected', 'discarded');

-- Dead letters with their events, open and closed.
CREATE VIEW outbox.dlq_event_log WITH (security_invoker = true) AS
SELECT l.id, l.event_id, l.tenant_id, l.store_id, l.event_type, e.event_key, e.payload, e.metadata, e.correlation_id,
       d.name AS destination, l.class, l.error AS error_message, greatest(l.attempts - 1, 0) AS retry_count, l.attempts,
       to_timestamp(l.failed_at / 1e6) AS failed_at, to_timestamp(l.closed_at / 1e6) AS closed_at, l.resolution, l.reason,
       l.actor,
       CASE WHEN l.resolution = 'redriven' THEN 'PENDING' ELSE 'FAILED' END AS status,
       CASE l.resolution WHEN 'redriven' THEN 'redriven' WHEN 'discarded' THEN 'discarded' ELSE 'dead' END AS state,
       coalesce(l.resolution = 'redriven', false) AS will_retry
FROM outbox.dead_letter l
JOIN outbox.destination d ON d.id = l.destination_id
LEFT JOIN outbox.event_log e ON e.id = l.log_id;
