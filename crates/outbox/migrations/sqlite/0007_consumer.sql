-- What a consumer cannot take yet, and what it will not take. Both lie in the consumer's own database and change in the
-- transaction of the effect.

-- An event that waits for one that comes before it. Released, in order, by the transaction that applies the predecessor.
CREATE TABLE held_event (
    id             integer PRIMARY KEY AUTOINCREMENT,
    consumer       text    NOT NULL,
    tenant_id      blob    NOT NULL,
    store_id       blob    NOT NULL,
    lane           text    NOT NULL, -- order key: events of one lane are taken one after the other
    event_id       blob    NOT NULL,
    event_type     text    NOT NULL,
    schema_version integer NOT NULL,
    sequence       integer, -- place in the producer's log, if known
    payload        text    NOT NULL, -- as received
    notes          text    NOT NULL, -- JSON object: trace, times, where it came from
    reason         text    NOT NULL, -- waiting_for_predecessor
    waits_for      text    NOT NULL, -- for people: what is missing
    held_at        integer NOT NULL,
    deadline_at    integer NOT NULL, -- then it goes to quarantine
    UNIQUE (consumer, tenant_id, store_id, event_id)
) STRICT;
CREATE INDEX held_event_lane ON held_event (consumer, tenant_id, store_id, lane, sequence, id);
CREATE INDEX held_event_deadline ON held_event (consumer, deadline_at);

-- What a consumer did not take, with the reason. Kept until somebody releases or discards it.
CREATE TABLE quarantine (
    id             blob    PRIMARY KEY,
    consumer       text    NOT NULL,
    tenant_id      blob    NOT NULL,
    store_id       blob    NOT NULL,
    source         text    NOT NULL, -- where it came from: topic/partition/offset, or the event id
    lane           text, -- these are NULL for a record that could not be read
    event_id       blob,
    event_type     text,
    schema_version integer,
    sequence       integer,
    payload        text,
    notes          text,
    raw            blob, -- of a record that could not be read: its first 1 MiB
    class          text    NOT NULL CHECK (class IN
        ('undecodable', 'upcast', 'illegal', 'no_predecessor', 'too_many_held', 'exhausted')),
    reason         text    NOT NULL,
    quarantined_at integer NOT NULL,
    closed_at      integer,
    resolution     text    CHECK (resolution IN ('released', 'discarded')),
    note           text, -- the operator's
    actor          text,
    CHECK ((closed_at IS NULL) = (resolution IS NULL)),
    CHECK ((event_id IS NULL) = (raw IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX quarantine_open ON quarantine (consumer, tenant_id, store_id, source) WHERE closed_at IS NULL;
CREATE INDEX quarantine_list ON quarantine (consumer, id) WHERE closed_at IS NULL;
