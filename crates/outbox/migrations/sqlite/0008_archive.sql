-- The log's cold part: events that were moved out of the database into sealed files, and the rules by which they are.

-- Which events may leave the database, and when. An event without a rule stays for ever; of several rules all must allow it.
CREATE TABLE retention (
    name       text    PRIMARY KEY,
    tenant_id  blob, -- NULL: of every tenant
    store_id   blob, -- NULL: of every store
    type_glob  text    NOT NULL, -- product.*, *
    keep_us    integer NOT NULL CHECK (keep_us >= 0), -- how long after it was written
    legal_hold integer NOT NULL DEFAULT 0 CHECK (legal_hold IN (0, 1)), -- 1: it stays until the hold is lifted
    reason     text    NOT NULL,
    changed_at integer NOT NULL
) STRICT;

-- A sealed file of events. Its row is kept for ever.
CREATE TABLE archive_segment (
    id         integer PRIMARY KEY AUTOINCREMENT,
    file       text    NOT NULL UNIQUE, -- name within the archive's folder
    state      text    NOT NULL CHECK (state IN ('sealed', 'verified', 'archived')),
    first_id   integer NOT NULL, -- of event_log; events between may be elsewhere
    last_id    integer NOT NULL,
    events     integer NOT NULL,
    bytes      integer NOT NULL,
    sha256     blob    NOT NULL CHECK (length(sha256) = 32), -- of the file
    root       blob    NOT NULL CHECK (length(root) = 32), -- RFC 6962 tree over its lines
    sealed_at  integer NOT NULL,
    archived_at integer -- when its rows left event_log
) STRICT;
CREATE INDEX archive_segment_range ON archive_segment (last_id, first_id);

-- Events of segments whose rows have not left event_log yet.
CREATE TABLE archive_pending (
    log_id     integer PRIMARY KEY,
    segment_id integer NOT NULL REFERENCES archive_segment
) STRICT;
CREATE INDEX archive_pending_segment ON archive_pending (segment_id);

-- The one exception: an event leaves the log once a verified segment has it.
DROP TRIGGER events_are_not_deleted;
CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON event_log
WHEN NOT EXISTS (
    SELECT 1 FROM archive_pending p JOIN archive_segment s ON s.id = p.segment_id
    WHERE p.log_id = OLD.id AND s.state = 'verified')
BEGIN SELECT RAISE(ABORT, 'table event_log is append-only: DELETE refused'); END;
