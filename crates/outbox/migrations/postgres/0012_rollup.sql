-- What became of deliveries, minute by minute: latencies and rates that survive a restart. One row per worker, which
-- overwrites its own while the minute lasts; readers add the workers up. Kept for 24 hours unless told otherwise.
CREATE TABLE outbox.delivery_rollup (
    minute         bigint  NOT NULL,              -- minutes since 1970 UTC
    destination_id integer NOT NULL REFERENCES outbox.destination,
    event_type     text    COLLATE "C" NOT NULL,  -- 'other' beyond the first 200 types of a worker
    worker         text    COLLATE "C" NOT NULL,
    delivered      bigint  NOT NULL,
    retried        bigint  NOT NULL,              -- failed attempts that are repeated
    failed         bigint  NOT NULL,              -- dead or rejected
    slowest_us     bigint  NOT NULL,              -- from writing to settlement
    latencies      text    COLLATE "C" NOT NULL,  -- JSON object: bucket -> deliveries; bucket n ends at 100 µs * 2^(n/4)
    PRIMARY KEY (minute, destination_id, event_type, worker)
);
