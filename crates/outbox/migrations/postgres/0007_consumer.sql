-- What a consumer cannot take yet, and what it will not take. Both lie in the consumer's own database and change in the
-- transaction of the effect.

-- An event that waits for one that comes before it. Released, in order, by the transaction that applies the predecessor.
CREATE TABLE outbox.held_event (
    id             bigint  PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    consumer       text    COLLATE "C" NOT NULL,
    tenant_id      uuid    NOT NULL,
    store_id       uuid    NOT NULL,
    lane           text    COLLATE "C" NOT NULL,  -- order key: events of one lane are taken one after the other
    event_id       uuid    NOT NULL,
    event_type     text    COLLATE "C" NOT NULL,
    schema_version integer NOT NULL,
    sequence       bigint,                        -- place in the producer's log, if known
    payload        text    COLLATE "C" NOT NULL,  -- as received
    notes          text    COLLATE "C" NOT NULL,  -- JSON object: trace, times, where it came from
    reason         text    COLLATE "C" NOT NULL,  -- waiting_for_predecessor
    waits_for      text    COLLATE "C" NOT NULL,  -- for people: what is missing
    held_at        bigint  NOT NULL,
    deadline_at    bigint  NOT NULL,              -- then it goes to quarantine
    UNIQUE (consumer, tenant_id, store_id, event_id)
);
CREATE INDEX held_event_lane ON outbox.held_event (consumer, tenant_id, store_id, lane, sequence, id);
CREATE INDEX held_event_deadline ON outbox.held_event (consumer, deadline_at);

-- What a consumer did not take, with the reason. Kept until somebody releases or discards it.
CREATE TABLE outbox.quarantine (
    id             uuid    PRIMARY KEY,
    consumer       text    COLLATE "C" NOT NULL,
    tenant_id      uuid    NOT NULL,
    store_id       uuid    NOT NULL,
    source         text    COLLATE "C" NOT NULL,  -- where it came from: topic/partition/offset, or the event id
    lane           text    COLLATE "C",           -- these are NULL for a record that could not be read
    event_id       uuid,
    event_type     text    COLLATE "C",
    schema_version integer,
    sequence       bigint,
    payload        text    COLLATE "C",
    notes          text    COLLATE "C",
    raw            bytea,                         -- of a record that could not be read: its first 1 MiB
    class          text    COLLATE "C" NOT NULL CHECK (class IN
        ('undecodable', 'upcast', 'illegal', 'no_predecessor', 'too_many_held', 'exhausted')),
    reason         text    COLLATE "C" NOT NULL,
    quarantined_at bigint  NOT NULL,
    closed_at      bigint,
    resolution     text    COLLATE "C" CHECK (resolution IN ('released', 'discarded')),
    note           text    COLLATE "C",           -- the operator's
    actor          text    COLLATE "C",
    CHECK ((closed_at IS NULL) = (resolution IS NULL)),
    CHECK ((event_id IS NULL) = (raw IS NOT NULL))
);
CREATE UNIQUE INDEX quarantine_open ON outbox.quarantine (consumer, tenant_id, store_id, source) WHERE closed_at IS NULL;
CREATE INDEX quarantine_list ON outbox.quarantine (consumer, id) WHERE closed_at IS NULL;
