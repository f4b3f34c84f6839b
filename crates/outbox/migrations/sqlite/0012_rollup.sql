-- What became of deliveries, minute by minute: latencies and rates that survive a restart. One row per worker, which
-- overwrites its own while the minute lasts; readers add the workers up. Kept for 24 hours unless told otherwise.
CREATE TABLE delivery_rollup (
    minute         INTEGER NOT NULL,              -- minutes since 1970 UTC
    destination_id INTEGER NOT NULL REFERENCES destination (id),
    event_type     TEXT    NOT NULL,              -- 'other' beyond the first 200 types of a worker
    worker         TEXT    NOT NULL,
    delivered      INTEGER NOT NULL,
    retried        INTEGER NOT NULL,              -- failed attempts that are repeated
    failed         INTEGER NOT NULL,              -- dead or rejected
    slowest_us     INTEGER NOT NULL,              -- from writing to settlement
    latencies      TEXT    NOT NULL,              -- JSON object: bucket -> deliveries; bucket n ends at 100 µs * 2^(n/4)
    PRIMARY KEY (minute, destination_id, event_type, worker)
) STRICT, WITHOUT ROWID;
