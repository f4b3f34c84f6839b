-- The log's cold part: events that were moved out of the database into sealed files, and the rules by which they are.

-- Which events may leave the database, and when. An event without a rule stays for ever; of several rules all must allow it.
CREATE TABLE outbox.retention (
    name       text     COLLATE "C" PRIMARY KEY,
    tenant_id  uuid,                              -- NULL: of every tenant
    store_id   uuid,                              -- NULL: of every store
    type_glob  text     COLLATE "C" NOT NULL,     -- product.*, *
    keep_us    bigint   NOT NULL CHECK (keep_us >= 0), -- how long after it was written
    legal_hold boolean  NOT NULL DEFAULT false,   -- true: it stays until the hold is lifted
    reason     text     COLLATE "C" NOT NULL,
    changed_at bigint   NOT NULL
);

-- A sealed file of events. Its row is kept for ever.
CREATE TABLE outbox.archive_segment (
    id         bigint   PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    file       text     COLLATE "C" NOT NULL UNIQUE, -- name within the archive's folder
    state      text     COLLATE "C" NOT NULL CHECK (state IN ('sealed', 'verified', 'archived')),
    first_id   bigint   NOT NULL,                 -- of event_log; events between may be elsewhere
    last_id    bigint   NOT NULL,
    events     bigint   NOT NULL,
    bytes      bigint   NOT NULL,
    sha256     bytea    NOT NULL CHECK (octet_length(sha256) = 32), -- of the file
    root       bytea    NOT NULL CHECK (octet_length(root) = 32),   -- RFC 6962 tree over its lines
    sealed_at  bigint   NOT NULL,
    archived_at bigint                            -- when its rows left event_log
);
CREATE INDEX archive_segment_range ON outbox.archive_segment (last_id, first_id);

-- Events of segments whose rows have not left event_log yet.
CREATE TABLE outbox.archive_pending (
    log_id     bigint PRIMARY KEY,
    segment_id bigint NOT NULL REFERENCES outbox.archive_segment
);
CREATE INDEX archive_pending_segment ON outbox.archive_pending (segment_id);

-- The one exception: an event leaves the log once a verified segment has it.
CREATE OR REPLACE FUNCTION outbox.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND EXISTS (
        SELECT 1 FROM outbox.archive_pending p JOIN outbox.archive_segment s ON s.id = p.segment_id
        WHERE p.log_id = OLD.id AND s.state = 'verified') THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'table % is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;

-- Drops partitions behind the newest one that archiving has emptied; gives how many. With its owner's rights, and not if a
-- lock is not to be had at once.
CREATE FUNCTION outbox.drop_empty_partitions() RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    step CONSTANT bigint := 16777216;
    number bigint;
    occupied boolean;
    dropped integer := 0;
BEGIN
    SET LOCAL lock_timeout = '200ms';
    FOR number IN SELECT generate_series(0, (SELECT last_value / step - 1 FROM outbox.event_log_id)) LOOP
        IF to_regclass(format('outbox.event_log_%s', number)) IS NOT NULL THEN
            EXECUTE format('SELECT EXISTS (SELECT 1 FROM outbox.event_log_%s)', number) INTO occupied;
            IF NOT occupied THEN
                EXECUTE format('DROP TABLE outbox.event_log_%s', number);
                dropped := dropped + 1;
            END IF;
        END IF;
    END LOOP;
    RETURN dropped;
END $$;
