-- The log of events, written inside the application's own transactions. These tables are a contract: other languages may
-- write and read them. The schema's name is `outbox` unless the application chose another. Times are microseconds since
-- 1970 UTC. Text is UTF-8 and compares by bytes.

-- The database's clock, microseconds since 1970 UTC. The clocks of workers are never compared. A double is exact to the
-- microsecond for some 200 years more, and costs half of what the numeric of `extract` does.
CREATE FUNCTION outbox.now_us() RETURNS bigint LANGUAGE sql VOLATILE PARALLEL SAFE
    AS $$ SELECT round(date_part('epoch', clock_timestamp()) * 1000000)::bigint $$;

-- What an event is known by. Kept when the event itself has been archived, so that nothing is ever written twice.
CREATE TABLE outbox.event_identity (
    tenant_id    uuid   NOT NULL,
    store_id     uuid   NOT NULL,
    event_id     uuid   NOT NULL,
    event_key    text   COLLATE "C",      -- dedupes one fact within the scope; NULL: only event_id does
    log_id       bigint NOT NULL,         -- event_log.id
    payload_hash bytea  NOT NULL CHECK (octet_length(payload_hash) = 32), -- SHA-256 of the payload's bytes
    PRIMARY KEY (tenant_id, store_id, event_id),
    UNIQUE (tenant_id, store_id, event_key)
);

-- Numbers events. No caching: numbers must grow with time across connections.
CREATE SEQUENCE outbox.event_log_id CACHE 1;

-- One row per event, append-only. It has no status: deliveries do. Partitioned by id so that old events can be archived
-- and dropped without a DELETE; a row for which no partition was made yet goes to the default one.
CREATE TABLE outbox.event_log (
    id             bigint   NOT NULL DEFAULT nextval('outbox.event_log_id'), -- order of one key's events; gaps are normal
    log_epoch      smallint NOT NULL DEFAULT 1,  -- grows when the database was restored: xid compares only within one epoch
    xid            xid8     NOT NULL DEFAULT pg_current_xact_id(), -- the transaction that wrote the row: what cursors read by
    shard          smallint NOT NULL CHECK (shard BETWEEN 0 AND 63), -- SHA-256(order_key, else entity_type NUL entity_id)[0..2] & 63
    tenant_id      uuid     NOT NULL,
    store_id       uuid     NOT NULL,
    event_id       uuid     NOT NULL,
    event_key      text     COLLATE "C",         -- idempotency token of the fact
    event_type     text     COLLATE "C" NOT NULL, -- such as order.created
    schema_version integer  NOT NULL DEFAULT 1 CHECK (schema_version >= 1),
    entity_type    text     COLLATE "C" NOT NULL,
    entity_id      text     COLLATE "C" NOT NULL,
    order_key      text     COLLATE "C",         -- root the event belongs to: FIFO lane and Kafka key. NULL: the entity
    payload        text     COLLATE "C" NOT NULL, -- JSON object, exactly the bytes that were written
    metadata       text     COLLATE "C",         -- JSON object, unsigned, never used for logic
    correlation_id text     COLLATE "C",
    causation_id   text     COLLATE "C",
    command_id     uuid,                         -- the operation that caused the event
    traceparent    text     COLLATE "C",         -- W3C trace context
    agent_id       uuid,                         -- who signs the event when it is pushed to a sequencer,
    agent_key_id   bigint,                       -- and with which key: a second push signs the same bytes
    created_at     text     COLLATE "C" NOT NULL, -- RFC 3339 UTC as the producer wrote it; data, never order
    deliverable    boolean  NOT NULL DEFAULT true, -- false: for the record only, no destination gets it
    written_at     bigint   NOT NULL DEFAULT outbox.now_us(),
    PRIMARY KEY (id, shard) -- id alone is unique; the shard is there so that a page of one shard group reads no other's rows
) PARTITION BY RANGE (id);
CREATE TABLE outbox.event_log_default PARTITION OF outbox.event_log DEFAULT;

-- Makes the partition of the next id and the one after it, 16,777,216 ids each, unless they are there. With its owner's
-- rights: a worker may have none to make tables.
CREATE FUNCTION outbox.add_partitions() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    step CONSTANT bigint := 16777216;
    number bigint;
BEGIN
    FOR number IN SELECT last_value / step + ahead FROM outbox.event_log_id, generate_series(0, 1) AS ahead LOOP
        IF to_regclass(format('outbox.event_log_%s', number)) IS NULL THEN
            EXECUTE format('CREATE TABLE outbox.event_log_%s PARTITION OF outbox.event_log FOR VALUES FROM (%s) TO (%s)',
                           number, number * step, (number + 1) * step);
        END IF;
    END LOOP;
END $$;
SELECT outbox.add_partitions();

-- What a cursor reads at the head of the log: rows of transactions that its last snapshot did not see.
CREATE INDEX event_log_xid ON outbox.event_log (log_epoch, xid, id);
CREATE INDEX event_log_type ON outbox.event_log (tenant_id, store_id, event_type, id);
CREATE INDEX event_log_entity ON outbox.event_log (tenant_id, store_id, entity_type, entity_id, id);
CREATE INDEX event_log_order_key ON outbox.event_log (tenant_id, store_id, order_key, id) WHERE order_key IS NOT NULL;
CREATE INDEX event_log_correlation ON outbox.event_log (tenant_id, store_id, correlation_id, id) WHERE correlation_id IS NOT NULL;
CREATE INDEX event_log_command ON outbox.event_log (tenant_id, store_id, command_id, id) WHERE command_id IS NOT NULL;

CREATE FUNCTION outbox.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'table % is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER events_are_final BEFORE UPDATE OR DELETE ON outbox.event_log
    FOR EACH ROW EXECUTE FUNCTION outbox.refuse_change();
CREATE TRIGGER events_are_not_truncated BEFORE TRUNCATE ON outbox.event_log
    FOR EACH STATEMENT EXECUTE FUNCTION outbox.refuse_change();

-- One row: which cluster this log lives in. A restored backup differs from it, and cursors then refuse to run.
CREATE TABLE outbox.log_state (
    only_row          boolean  PRIMARY KEY DEFAULT true CHECK (only_row),
    log_epoch         smallint NOT NULL,
    system_identifier text     NOT NULL,  -- of the cluster (pg_control_system)
    timeline          integer  NOT NULL,  -- of the write-ahead log; a restore or a promotion begins a new one
    changed_at        bigint   NOT NULL
);
INSERT INTO outbox.log_state (log_epoch, system_identifier, timeline, changed_at)
SELECT 1, s.system_identifier::text, c.timeline_id, outbox.now_us()
FROM pg_control_system() s, pg_control_checkpoint() c;
