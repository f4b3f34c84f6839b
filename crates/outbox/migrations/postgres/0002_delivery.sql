-- Where events go, how far each destination is, and everything that is not simply delivered. The happy path updates one
-- row per chunk of events: its delivery_cursor.

-- A named place that events go to: sequencer, kafka, webhook, handler, mail.
CREATE TABLE outbox.destination (
    id           integer  PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    name         text     COLLATE "C" NOT NULL UNIQUE,
    kind         text     COLLATE "C" NOT NULL,
    shard_groups smallint NOT NULL CHECK (shard_groups IN (1, 2, 4, 8, 16, 32, 64)), -- how many workers may share it; fixed
    created_at   bigint   NOT NULL
);

-- Which events a destination gets, by versions: an event is judged by the version in force when it was written, which is
-- the newest one whose start snapshot had not seen the event.
CREATE TABLE outbox.route (
    destination_id  integer  NOT NULL REFERENCES outbox.destination,
    name            text     COLLATE "C" NOT NULL,
    version         integer  NOT NULL CHECK (version >= 1),
    type_glob       text     COLLATE "C" NOT NULL, -- a-z 0-9 _ . and * for any run of characters: product.*, *
    active          boolean  NOT NULL,             -- false: from here on the route takes nothing
    policy          text     COLLATE "C" NOT NULL, -- JSON object: retry, ack, on_dead; read by the relay
    start_log_epoch smallint NOT NULL,
    start_snapshot  pg_snapshot NOT NULL,          -- events it had not seen are the version's
    created_at      bigint   NOT NULL,
    PRIMARY KEY (destination_id, name, version)
);

-- Whether a destination has a route for a type now.
CREATE FUNCTION outbox.is_routed(destination integer, event_type text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT 1 FROM outbox.route r
        WHERE r.destination_id = destination AND r.active
          AND event_type LIKE replace(replace(r.type_glob, '_', '\_'), '*', '%')
          AND NOT EXISTS (SELECT 1 FROM outbox.route n
                          WHERE n.destination_id = r.destination_id AND n.name = r.name AND n.version > r.version))
$$;

-- How far a destination is, per group of consecutive shards, and which worker may move it.
CREATE TABLE outbox.delivery_cursor (
    destination_id integer     NOT NULL REFERENCES outbox.destination,
    shard_group    smallint    NOT NULL, -- group g of n holds the shards g*64/n .. (g+1)*64/n - 1
    log_epoch      smallint    NOT NULL, -- the epoch of `prev` and `cur`
    prev           pg_snapshot NOT NULL, -- everything it sees was read
    cur            pg_snapshot,          -- being read by id, up to last_id; NULL at the head of the log
    last_id        bigint      NOT NULL DEFAULT 0,
    redeliver_from bigint      NOT NULL DEFAULT 0, -- ids after this,
    redeliver_upto bigint      NOT NULL DEFAULT 0, -- up to this, are read first, by plain id: events of an older log epoch
    owner          text        COLLATE "C",        -- worker that holds the lease
    epoch          bigint      NOT NULL DEFAULT 0, -- grows with every change of owner; every write of a worker names its own
    lease_until    bigint      NOT NULL DEFAULT 0,
    claim_snapshot pg_snapshot,          -- what the owner said, with its last heartbeat, that it is publishing
    claim_upto     bigint,
    settled_at     bigint,
    PRIMARY KEY (destination_id, shard_group)
) WITH (fillfactor = 50);

-- One row per settled chunk, append-only: an event was delivered at the first mark that covers it.
CREATE TABLE outbox.delivery_mark (
    destination_id integer     NOT NULL,
    shard_group    smallint    NOT NULL,
    log_epoch      smallint    NOT NULL,
    snapshot       pg_snapshot NOT NULL, -- covers events it sees,
    upto           bigint      NOT NULL, -- with an id up to this
    events         integer     NOT NULL, -- events the chunk moved past that a route matched
    unrouted       integer     NOT NULL, -- and that none did
    at             bigint      NOT NULL
);
CREATE INDEX delivery_mark_time ON outbox.delivery_mark (destination_id, shard_group, at);

-- A delivery that is not simply pending or delivered: failed once, waits behind a failure, dead, replayed.
CREATE TABLE outbox.delivery (
    id              bigint   PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    destination_id  integer  NOT NULL REFERENCES outbox.destination,
    log_id          bigint   NOT NULL, -- event_log.id
    replay_job      uuid,              -- NULL: the first delivery; a replay never reopens a finished one
    tenant_id       uuid     NOT NULL,
    store_id        uuid     NOT NULL,
    event_id        uuid     NOT NULL,
    event_type      text     COLLATE "C" NOT NULL,
    lane            text     COLLATE "C" NOT NULL, -- order_key, else entity_type U+001F entity_id
    shard_group     smallint NOT NULL,
    route           text     COLLATE "C" NOT NULL, -- name and version in force at the event
    route_version   integer  NOT NULL,
    state           text     COLLATE "C" NOT NULL CHECK (state IN
        ('pending', 'held', 'in_flight', 'retry_wait', 'delivered', 'acknowledged', 'dead', 'rejected', 'discarded')),
    reason          text     COLLATE "C",          -- of held: lane_blocked, breaker_open, paused, unmapped, missing_predecessor
    attempts        integer  NOT NULL DEFAULT 0,   -- real tries so far
    next_attempt_at bigint,                        -- of retry_wait
    last_class      text     COLLATE "C",          -- class of the last failure
    last_error      text     COLLATE "C",
    epoch           bigint   NOT NULL,             -- lease epoch under which it last changed; 0: an operator
    created_at      bigint   NOT NULL,
    updated_at      bigint   NOT NULL,
    finished_at     bigint,                        -- of delivered, acknowledged, dead, rejected, discarded
    UNIQUE NULLS NOT DISTINCT (destination_id, log_id, replay_job)
);
CREATE INDEX delivery_lane ON outbox.delivery (destination_id, shard_group, tenant_id, store_id, lane, log_id)
    WHERE state IN ('pending', 'held', 'in_flight', 'retry_wait');
CREATE INDEX delivery_by_state ON outbox.delivery (destination_id, state, log_id);
CREATE INDEX delivery_finished ON outbox.delivery (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX delivery_event ON outbox.delivery (log_id);

-- Each failed try, and the try that ended it. Never changed.
CREATE TABLE outbox.attempt (
    delivery_id bigint  NOT NULL REFERENCES outbox.delivery ON DELETE CASCADE,
    number      integer NOT NULL CHECK (number >= 1), -- goes on after a redrive
    started_at  bigint  NOT NULL,
    duration_us bigint  NOT NULL,
    outcome     text    COLLATE "C" NOT NULL CHECK (outcome IN ('accepted', 'retry', 'refused', 'rejected')),
    class       text    COLLATE "C", -- of a failure: handler, timeout, refused, http_503
    error       text    COLLATE "C",
    worker      text    COLLATE "C" NOT NULL, -- name and version of the worker
    epoch       bigint  NOT NULL,
    PRIMARY KEY (delivery_id, number)
);

-- A lane whose first open delivery failed. Its other events wait behind it, in order, as held deliveries.
CREATE TABLE outbox.parked_lane (
    destination_id integer  NOT NULL REFERENCES outbox.destination,
    tenant_id      uuid     NOT NULL,
    store_id       uuid     NOT NULL,
    lane           text     COLLATE "C" NOT NULL,
    shard_group    smallint NOT NULL,
    due_at         bigint,  -- when its first open delivery is tried; NULL: waits for an operator
    reason         text     COLLATE "C" NOT NULL, -- retry, dead, paused, missing_predecessor, redriven
    since          bigint   NOT NULL,
    PRIMARY KEY (destination_id, tenant_id, store_id, lane)
);
CREATE INDEX parked_lane_due ON outbox.parked_lane (destination_id, shard_group, due_at);

-- A delivery that was given up, with what is needed to judge it. At most one is open per delivery.
CREATE TABLE outbox.dead_letter (
    id             uuid    PRIMARY KEY,
    delivery_id    bigint  NOT NULL, -- kept when the delivery row has been collected
    destination_id integer NOT NULL REFERENCES outbox.destination,
    log_id         bigint  NOT NULL,
    tenant_id      uuid    NOT NULL,
    store_id       uuid    NOT NULL,
    event_id       uuid    NOT NULL,
    event_type     text    COLLATE "C" NOT NULL,
    lane           text    COLLATE "C" NOT NULL,
    class          text    COLLATE "C" NOT NULL, -- exhausted, refused
    error          text    COLLATE "C" NOT NULL,
    attempts       integer NOT NULL,
    worker         text    COLLATE "C" NOT NULL,
    failed_at      bigint  NOT NULL,
    closed_at      bigint,
    resolution     text    COLLATE "C" CHECK (resolution IN ('redriven', 'discarded')),
    reason         text    COLLATE "C", -- the operator's
    actor          text    COLLATE "C",
    CHECK ((closed_at IS NULL) = (resolution IS NULL))
);
CREATE UNIQUE INDEX dead_letter_open ON outbox.dead_letter (delivery_id) WHERE closed_at IS NULL;
CREATE INDEX dead_letter_time ON outbox.dead_letter (tenant_id, store_id, event_type, failed_at);
CREATE INDEX dead_letter_failed ON outbox.dead_letter (failed_at);

-- Evidence that a destination accepted an event; it makes the delivery acknowledged.
CREATE TABLE outbox.receipt (
    destination_id  integer NOT NULL REFERENCES outbox.destination,
    log_id          bigint  NOT NULL,
    kind            text    COLLATE "C" NOT NULL, -- sequencer, consumer, manual
    remote_sequence bigint,                       -- place at the destination
    evidence        text    COLLATE "C" NOT NULL, -- JSON: a signed receipt, or reason and actor
    received_at     bigint  NOT NULL,
    PRIMARY KEY (destination_id, log_id)
);

-- Whether a destination as a whole is up. While open nothing is attempted there and no attempt is counted.
CREATE TABLE outbox.breaker (
    destination_id integer PRIMARY KEY REFERENCES outbox.destination,
    state          text    COLLATE "C" NOT NULL CHECK (state IN ('closed', 'open', 'half_open')),
    failures       integer NOT NULL, -- consecutive
    reason         text    COLLATE "C",
    changed_at     bigint  NOT NULL,
    probe_at       bigint, -- when an open one is tried
    version        bigint  NOT NULL -- changes are compare-and-set on it
);
