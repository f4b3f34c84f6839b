-- Operations: commands with a key, so that a command which is sent again answers as it did the first time. And the inbox:
-- what consumers have taken, so that an event which comes again has no second effect.

-- One row per key; only its newest generation. Claim, business rows, events and response commit together.
CREATE TABLE outbox.idempotency_keys (
    tenant_id        uuid    NOT NULL,
    store_id         uuid    NOT NULL,
    operation        text    COLLATE "C" NOT NULL, -- such as POST /orders/checkout: keys of different operations differ
    key              text    COLLATE "C" NOT NULL,
    generation       integer NOT NULL,             -- grows when the key expires or is reset; part of command_id
    status           text    COLLATE "C" NOT NULL CHECK (status IN ('active', 'in_progress', 'completed', 'failed', 'uncertain')),
    fingerprint      bytea,                        -- SHA-256 of the request; NULL while active
    command_id       uuid    NOT NULL,             -- UUIDv5 of scope, operation, key and generation; on all events it wrote
    response_status  integer,                      -- HTTP status
    response_headers text    COLLATE "C",          -- JSON array of pairs
    response_body    bytea,                        -- byte for byte
    recovery_point   text    COLLATE "C",          -- set before an external call: after a crash nobody knows whether it happened
    created_at       bigint  NOT NULL,
    completed_at     bigint,
    expires_at       bigint,                       -- active: creation + TTL; completed, failed: completion + TTL; else never
    lease_until      bigint,                       -- of in_progress that was committed: when its worker counts as dead
    PRIMARY KEY (tenant_id, store_id, operation, key)
);
CREATE INDEX idempotency_keys_command ON outbox.idempotency_keys (command_id);

-- Generations that ended. Never changed.
CREATE TABLE outbox.idempotency_key_history (
    tenant_id       uuid    NOT NULL,
    store_id        uuid    NOT NULL,
    operation       text    COLLATE "C" NOT NULL,
    key             text    COLLATE "C" NOT NULL,
    generation      integer NOT NULL,
    status          text    COLLATE "C" NOT NULL,
    fingerprint     bytea,
    command_id      uuid    NOT NULL,
    response_status integer,
    created_at      bigint  NOT NULL,
    completed_at    bigint,
    ended_at        bigint  NOT NULL,
    ended_by        text    COLLATE "C" NOT NULL, -- expired, or the operator who reset it
    reason          text    COLLATE "C",
    PRIMARY KEY (tenant_id, store_id, operation, key, generation)
);

-- An event that a consumer has taken, written in the consumer's own transaction.
CREATE TABLE outbox.inbox (
    consumer    text   COLLATE "C" NOT NULL,
    tenant_id   uuid   NOT NULL,
    store_id    uuid   NOT NULL,
    event_id    uuid   NOT NULL,
    received_at bigint NOT NULL,
    PRIMARY KEY (consumer, tenant_id, store_id, event_id)
);
CREATE INDEX inbox_time ON outbox.inbox (consumer, received_at);
