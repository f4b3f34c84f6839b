-- The log of events, written inside the application's own transactions. These tables are a contract: other languages may
-- write and read them. Times are microseconds since 1970 UTC,
-- UUIDs are 16 bytes.

-- What an event is known by. Kept when the event itself has been archived, so that nothing is ever written twice.
CREATE TABLE event_identity (
    tenant_id       blob    NOT NULL,
    store_id        blob    NOT NULL,
    event_id        blob    NOT NULL,
    event_key       text, -- dedupes one fact within the scope; NULL: only event_id does
    log_id          integer NOT NULL, -- event_log.id
    payload_hash    blob    NOT NULL CHECK (length(payload_hash) = 32), -- SHA-256 of the payload's bytes
    PRIMARY KEY (tenant_id, store_id, event_id),
    UNIQUE (tenant_id, store_id, event_key)
) STRICT;

-- One row per event, append-only. It has no status: deliveries do.
CREATE TABLE event_log (
    id              integer PRIMARY KEY AUTOINCREMENT, -- order of all events; AUTOINCREMENT never reuses one
    log_epoch       integer NOT NULL DEFAULT 1, -- grows when the database was restored
    shard           integer NOT NULL CHECK (shard BETWEEN 0 AND 63), -- SHA-256(order_key, else entity_type NUL entity_id)[0..2] & 63
    tenant_id       blob    NOT NULL,
    store_id        blob    NOT NULL,
    event_id        blob    NOT NULL,
    event_key       text, -- idempotency token of the fact
    event_type      text    NOT NULL, -- such as order.created
    schema_version  integer NOT NULL DEFAULT 1 CHECK (schema_version >= 1),
    entity_type     text    NOT NULL,
    entity_id       text    NOT NULL,
    order_key       text, -- root the event belongs to: FIFO lane and Kafka key. NULL: the entity
    payload         text    NOT NULL, -- JSON object, exactly the bytes that were written
    metadata        text, -- JSON object, unsigned, never used for logic
    correlation_id  text,
    causation_id    text,
    command_id      blob, -- the operation that caused the event
    traceparent     text, -- W3C trace context
    agent_id        blob, -- who signs the event when it is pushed to a sequencer,
    agent_key_id    integer, -- and with which key: a second push signs the same bytes
    created_at      text    NOT NULL, -- RFC 3339 UTC as the producer wrote it; data, never order
    deliverable     integer NOT NULL DEFAULT 1 CHECK (deliverable IN (0, 1)), -- 0: for the record only, no destination gets it
    written_at      integer NOT NULL DEFAULT (CAST((julianday('now') - 2440587.5) * 86400000000 AS integer))
) STRICT;
CREATE INDEX event_log_type ON event_log (tenant_id, store_id, event_type, id);
CREATE INDEX event_log_entity ON event_log (tenant_id, store_id, entity_type, entity_id, id);
CREATE INDEX event_log_order_key ON event_log (tenant_id, store_id, order_key, id) WHERE order_key IS NOT NULL;
CREATE INDEX event_log_correlation ON event_log (tenant_id, store_id, correlation_id, id) WHERE correlation_id IS NOT NULL;
CREATE INDEX event_log_command ON event_log (tenant_id, store_id, command_id, id) WHERE command_id IS NOT NULL;

CREATE TRIGGER events_are_not_updated BEFORE UPDATE ON event_log
BEGIN SELECT RAISE(ABORT, 'table event_log is append-only: UPDATE refused'); END;
CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON event_log
BEGIN SELECT RAISE(ABORT, 'table event_log is append-only: DELETE refused'); END;
-- INSERT OR REPLACE fires no DELETE trigger unless recursive_triggers is on, and an application's connection rarely has it.
CREATE TRIGGER events_are_not_replaced BEFORE INSERT ON event_log
WHEN NEW.id IS NOT NULL AND EXISTS (SELECT 1 FROM event_log WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'table event_log is append-only: REPLACE refused'); END;

-- One row: which file this log lives in. A copy put back in its place may be older than what was delivered.
CREATE TABLE log_state (
    only_row   integer PRIMARY KEY CHECK (only_row = 1),
    log_epoch  integer NOT NULL,
    changed_at integer NOT NULL
) STRICT;
INSERT INTO log_state (only_row, log_epoch, changed_at) VALUES (1, 1, CAST((julianday('now') - 2440587.5) * 86400000000 AS integer));
