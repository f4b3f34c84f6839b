-- Where events go, how far each destination is, and everything that is not simply delivered. The happy path updates one
-- row per chunk of events: its delivery_cursor.

-- A named place that events go to: sequencer, kafka, webhook, handler, mail.
CREATE TABLE destination (
    id              integer PRIMARY KEY AUTOINCREMENT,
    name            text    NOT NULL UNIQUE,
    kind            text    NOT NULL,
    shard_groups    integer NOT NULL CHECK (shard_groups IN (1, 2, 4, 8, 16, 32, 64)), -- how many workers may share it; fixed
    created_at      integer NOT NULL
) STRICT;

-- Which events a destination gets, by versions: an event is judged by the version in force when it was written, which is
-- the newest one whose start had not seen the event. On SQLite, which has one writer, a snapshot is the greatest id in it.
CREATE TABLE route (
    destination_id  integer NOT NULL REFERENCES destination,
    name            text    NOT NULL,
    version         integer NOT NULL CHECK (version >= 1),
    type_glob       text    NOT NULL, -- a-z 0-9 _ . and * for any run of characters: product.*, *
    active          integer NOT NULL, -- false: from here on the route takes nothing
    policy          text    NOT NULL, -- JSON object: retry, ack, on_dead; read by the relay
    start_log_epoch integer NOT NULL,
    start_snapshot  integer NOT NULL, -- events it had not seen are the version's
    created_at      integer NOT NULL,
    PRIMARY KEY (destination_id, name, version)
) STRICT;

-- How far a destination is, per group of consecutive shards, and which worker may move it.
CREATE TABLE delivery_cursor (
    destination_id  integer NOT NULL REFERENCES destination,
    shard_group     integer NOT NULL, -- group g of n holds the shards g*64/n .. (g+1)*64/n - 1
    log_epoch       integer NOT NULL, -- the epoch of `prev` and `cur`
    prev            integer NOT NULL, -- everything it sees was read
    cur             integer, -- being read by id, up to last_id; NULL at the head of the log
    last_id         integer NOT NULL DEFAULT 0,
    redeliver_from  integer NOT NULL DEFAULT 0, -- ids after this,
    redeliver_upto  integer NOT NULL DEFAULT 0, -- up to this, are read first, by plain id: events of an older log epoch
    owner           text, -- worker that holds the lease
    epoch           integer NOT NULL DEFAULT 0, -- grows with every change of owner; every write of a worker names its own
    lease_until     integer NOT NULL DEFAULT 0,
    claim_snapshot  integer, -- what the owner said, with its last heartbeat, that it is publishing
    claim_upto      integer,
    settled_at      integer,
    PRIMARY KEY (destination_id, shard_group)
) STRICT;

-- One row per settled chunk, append-only: an event was delivered at the first mark that covers it.
CREATE TABLE delivery_mark (
    destination_id  integer NOT NULL,
    shard_group     integer NOT NULL,
    log_epoch       integer NOT NULL,
    snapshot        integer NOT NULL, -- covers events it sees,
    upto            integer NOT NULL, -- with an id up to this
    events          integer NOT NULL, -- events the chunk moved past that a route matched
    unrouted        integer NOT NULL, -- and that none did
    at              integer NOT NULL
) STRICT;
CREATE INDEX delivery_mark_time ON delivery_mark (destination_id, shard_group, at);

-- A delivery that is not simply pending or delivered: failed once, waits behind a failure, dead, replayed.
CREATE TABLE delivery (
    id              integer PRIMARY KEY AUTOINCREMENT,
    destination_id  integer NOT NULL REFERENCES destination,
    log_id          integer NOT NULL, -- event_log.id
    replay_job      blob, -- NULL: the first delivery; a replay never reopens a finished one
    tenant_id       blob    NOT NULL,
    store_id        blob    NOT NULL,
    event_id        blob    NOT NULL,
    event_type      text    NOT NULL,
    lane            text    NOT NULL, -- order_key, else entity_type U+001F entity_id
    shard_group     integer NOT NULL,
    route           text    NOT NULL, -- name and version in force at the event
    route_version   integer NOT NULL,
    state           text    NOT NULL CHECK (state IN
        ('pending', 'held', 'in_flight', 'retry_wait', 'delivered', 'acknowledged', 'dead', 'rejected', 'discarded')),
    reason          text, -- of held: lane_blocked, breaker_open, paused, unmapped, missing_predecessor
    attempts        integer NOT NULL DEFAULT 0, -- real tries so far
    next_attempt_at integer, -- of retry_wait
    last_class      text, -- class of the last failure
    last_error      text,
    epoch           integer NOT NULL, -- lease epoch under which it last changed; 0: an operator
    created_at      integer NOT NULL,
    updated_at      integer NOT NULL,
    finished_at     integer -- of delivered, acknowledged, dead, rejected, discarded
) STRICT;
-- A plain unique key would let two first deliveries in, because NULLs differ from each other.
CREATE UNIQUE INDEX delivery_once ON delivery (destination_id, log_id, coalesce(replay_job, x''));
CREATE INDEX delivery_lane ON delivery (destination_id, shard_group, tenant_id, store_id, lane, log_id)
    WHERE state IN ('pending', 'held', 'in_flight', 'retry_wait');
CREATE INDEX delivery_by_state ON delivery (destination_id, state, log_id);
CREATE INDEX delivery_finished ON delivery (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX delivery_event ON delivery (log_id);

-- Each failed try, and the try that ended it. Never changed.
CREATE TABLE attempt (
    delivery_id     integer NOT NULL REFERENCES delivery ON DELETE CASCADE,
    number          integer NOT NULL CHECK (number >= 1), -- goes on after a redrive
    started_at      integer NOT NULL,
    duration_us     integer NOT NULL,
    outcome         text    NOT NULL CHECK (outcome IN ('accepted', 'retry', 'refused', 'rejected')),
    class           text, -- of a failure: handler, timeout, refused, http_503
    error           text,
    worker          text    NOT NULL, -- name and version of the worker
    epoch           integer NOT NULL,
    PRIMARY KEY (delivery_id, number)
) STRICT;

-- A lane whose first open delivery failed. Its other events wait behind it, in order, as held deliveries.
CREATE TABLE parked_lane (
    destination_id  integer NOT NULL REFERENCES destination,
    tenant_id       blob    NOT NULL,
    store_id        blob    NOT NULL,
    lane            text    NOT NULL,
    shard_group     integer NOT NULL,
    due_at          integer, -- when its first open delivery is tried; NULL: waits for an operator
    reason          text    NOT NULL, -- retry, dead, paused, missing_predecessor, redriven
    since           integer NOT NULL,
    PRIMARY KEY (destination_id, tenant_id, store_id, lane)
) STRICT;
CREATE INDEX parked_lane_due ON parked_lane (destination_id, shard_group, due_at);

-- A delivery that was given up, with what is needed to judge it. At most one is open per delivery.
CREATE TABLE dead_letter (
    id              blob    PRIMARY KEY,
    delivery_id     integer NOT NULL, -- kept when the delivery row has been collected
    destination_id  integer NOT NULL REFERENCES destination,
    log_id          integer NOT NULL,
    tenant_id       blob    NOT NULL,
    store_id        blob    NOT NULL,
    event_id        blob    NOT NULL,
    event_type      text    NOT NULL,
    lane            text    NOT NULL,
    class           text    NOT NULL, -- exhausted, refused
    error           text    NOT NULL,
    attempts        integer NOT NULL,
    worker          text    NOT NULL,
    failed_at       integer NOT NULL,
    closed_at       integer,
    resolution      text    CHECK (resolution IN ('redriven', 'discarded')),
    reason          text, -- the operator's
    actor           text,
    CHECK ((closed_at IS NULL) = (resolution IS NULL))
) STRICT;
CREATE UNIQUE INDEX dead_letter_open ON dead_letter (delivery_id) WHERE closed_at IS NULL;
CREATE INDEX dead_letter_time ON dead_letter (tenant_id, store_id, event_type, failed_at);
CREATE INDEX dead_letter_failed ON dead_letter (failed_at);

-- Evidence that a destination accepted an event; it makes the delivery acknowledged.
CREATE TABLE receipt (
    destination_id  integer NOT NULL REFERENCES destination,
    log_id          integer NOT NULL,
    kind            text    NOT NULL, -- sequencer, consumer, manual
    remote_sequence integer, -- place at the destination
    evidence        text    NOT NULL, -- JSON: a signed receipt, or reason and actor
    received_at     integer NOT NULL,
    PRIMARY KEY (destination_id, log_id)
) STRICT;

-- Whether a destination as a whole is up. While open nothing is attempted there and no attempt is counted.
CREATE TABLE breaker (
    destination_id  integer PRIMARY KEY REFERENCES destination,
    state           text    NOT NULL CHECK (state IN ('closed', 'open', 'half_open')),
    failures        integer NOT NULL, -- consecutive
    reason          text,
    changed_at      integer NOT NULL,
    probe_at        integer, -- when an open one is tried
    version         integer NOT NULL -- changes are compare-and-set on it
) STRICT;
