-- Operations: commands with a key, so that a command which is sent again answers as it did the first time. And the inbox:
-- what consumers have taken, so that an event which comes again has no second effect.

-- One row per key; only its newest generation. Claim, business rows, events and response commit together.
CREATE TABLE idempotency_keys (
    tenant_id        blob    NOT NULL,
    store_id         blob    NOT NULL,
    operation        text    NOT NULL, -- such as POST /orders/checkout: keys of different operations differ
    key              text    NOT NULL,
    generation       integer NOT NULL, -- grows when the key expires or is reset; part of command_id
    status           text    NOT NULL CHECK (status IN ('active', 'in_progress', 'completed', 'failed', 'uncertain')),
    fingerprint      blob, -- SHA-256 of the request; NULL while active
    command_id       blob    NOT NULL, -- UUIDv5 of scope, operation, key and generation; on all events it wrote
    response_status  integer, -- HTTP status
    response_headers text, -- JSON array of pairs
    response_body    blob, -- byte for byte
    recovery_point   text, -- set before an external call: after a crash nobody knows whether it happened
    created_at       integer NOT NULL,
    completed_at     integer,
    expires_at       integer, -- active: creation + TTL; completed, failed: completion + TTL; else never
    lease_until      integer, -- of in_progress that was committed: when its worker counts as dead
    PRIMARY KEY (tenant_id, store_id, operation, key)
) STRICT;
CREATE INDEX idempotency_keys_command ON idempotency_keys (command_id);

-- Generations that ended. Never changed.
CREATE TABLE idempotency_key_history (
    tenant_id        blob    NOT NULL,
    store_id         blob    NOT NULL,
    operation        text    NOT NULL,
    key              text    NOT NULL,
    generation       integer NOT NULL,
    status           text    NOT NULL,
    fingerprint      blob,
    command_id       blob    NOT NULL,
    response_status  integer,
    created_at       integer NOT NULL,
    completed_at     integer,
    ended_at         integer NOT NULL,
    ended_by         text    NOT NULL, -- expired, or the operator who reset it
    reason           text,
    PRIMARY KEY (tenant_id, store_id, operation, key, generation)
) STRICT;

-- An event that a consumer has taken, written in the consumer's own transaction.
CREATE TABLE inbox (
    consumer         text    NOT NULL,
    tenant_id        blob    NOT NULL,
    store_id         blob    NOT NULL,
    event_id         blob    NOT NULL,
    received_at      integer NOT NULL,
    PRIMARY KEY (consumer, tenant_id, store_id, event_id)
) STRICT;
CREATE INDEX inbox_time ON inbox (consumer, received_at);
