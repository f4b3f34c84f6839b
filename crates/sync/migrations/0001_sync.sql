-- What an agent's machine keeps beside the log of the outbox (event_log, which this migration expects to be there): how far
-- each event of its own has come at the sequencer, and a checked copy of everybody's. Times are microseconds since 1970
-- UTC, ids and hashes are bytes.

-- Whose machine this is, and of which sequencer. Secrets are not here: they are files.
CREATE TABLE sync_setting (
    name  text PRIMARY KEY,
    value text NOT NULL
) STRICT;

-- Keys of the sequencer that receipts, heads and checkpoints are believed under.
CREATE TABLE sync_sequencer_key (
    key_version integer PRIMARY KEY,
    public_key  blob    NOT NULL CHECK (length(public_key) = 32),
    trusted_at  integer NOT NULL,
    origin      text    NOT NULL CHECK (origin IN ('given', 'first_use')) -- named by a person, or taken at the first contact
) STRICT;

-- The agent's own signing keys. The secret is in the file.
CREATE TABLE sync_key (
    key_id        integer PRIMARY KEY,
    public_key    blob    NOT NULL CHECK (length(public_key) = 32),
    file          text    NOT NULL,
    created_at    integer NOT NULL,
    registered_at integer, -- NULL: the sequencer has not confirmed it yet
    retired_at    integer -- signs nothing new from then on; events written under it are still pushed under it
) STRICT;

-- How far each event of the log that is to be pushed has come.
CREATE TABLE sync_event (
    local_seq       integer PRIMARY KEY, -- event_log.id
    position        integer NOT NULL, -- order of pushing: its own local_seq, or that of the event it replaces
    event_id        blob    NOT NULL UNIQUE,
    base_version    integer CHECK (base_version >= 0), -- version of the entity that the event builds on; NULL: any
    state           text    NOT NULL DEFAULT 'pending' CHECK (state IN
                    ('pending', 'in_flight', 'retry_wait', 'delivered', 'acknowledged', 'rejected', 'discarded')),
    attempts        integer NOT NULL DEFAULT 0, -- requests it was part of
    first_sent_at   integer, -- from then on the sequencer may have it, in exactly these bytes
    delivered_at    integer, -- the sequencer has it
    acknowledged_at integer, -- and that is proved
    remote_sequence integer,
    error_code      text, -- of the last attempt
    error           text,
    replaces        integer REFERENCES sync_event (local_seq) -- the rejected event it was made from
) STRICT;
CREATE INDEX sync_event_open ON sync_event (position, local_seq)
    WHERE state IN ('pending', 'in_flight', 'retry_wait', 'delivered');
CREATE INDEX sync_event_place ON sync_event (remote_sequence) WHERE remote_sequence IS NOT NULL;

-- Whoever writes to the log, in whatever language, is synchronised.
CREATE TRIGGER sync_takes_new_events AFTER INSERT ON event_log WHEN NEW.deliverable = 1
BEGIN INSERT INTO sync_event (local_seq, position, event_id) VALUES (NEW.id, NEW.id, NEW.event_id); END;
INSERT INTO sync_event (local_seq, position, event_id)
SELECT id, id, event_id FROM event_log WHERE deliverable = 1;

-- Archiving takes events out of the log; not before they are settled here.
CREATE TRIGGER sync_keeps_unsettled_events BEFORE DELETE ON event_log
WHEN EXISTS (SELECT 1 FROM sync_event e WHERE e.local_seq = OLD.id
               AND (e.state NOT IN ('acknowledged', 'rejected', 'discarded')
                    OR EXISTS (SELECT 1 FROM sync_conflict c WHERE c.local_seq = e.local_seq AND c.resolved_at IS NULL)))
BEGIN SELECT RAISE(ABORT, 'table event_log: the event is not at the sequencer yet, push it before it is archived'); END;

CREATE TRIGGER sync_events_stay BEFORE DELETE ON sync_event
BEGIN SELECT RAISE(ABORT, 'table sync_event: a record of what was pushed is never deleted'); END;
CREATE TRIGGER sync_events_end_once BEFORE UPDATE OF state ON sync_event
WHEN OLD.state IN ('acknowledged', 'discarded') AND NEW.state <> OLD.state
BEGIN SELECT RAISE(ABORT, 'table sync_event: acknowledged and discarded are final'); END;
-- An outcome that is unknown is pushed again unchanged: what was once sent keeps its bytes.
CREATE TRIGGER sync_sent_events_keep_their_bytes BEFORE UPDATE OF base_version ON sync_event
WHEN OLD.first_sent_at IS NOT NULL AND NEW.base_version IS NOT OLD.base_version
BEGIN SELECT RAISE(ABORT, 'table sync_event: the event was sent, its base_version is part of what was signed'); END;

-- The sequencer's word for each event, as received.
CREATE TABLE sync_receipt (
    local_seq       integer PRIMARY KEY REFERENCES sync_event (local_seq),
    remote_sequence integer NOT NULL,
    body            text    NOT NULL, -- JSON
    flaw            text, -- why it proves nothing; NULL: it was checked and proves the place
    received_at     integer NOT NULL
) STRICT;

CREATE INDEX sync_receipt_place ON sync_receipt (remote_sequence);

-- Events the sequencer refused because the world had moved on.
CREATE TABLE sync_conflict (
    conflict_id integer PRIMARY KEY AUTOINCREMENT,
    local_seq   integer NOT NULL UNIQUE REFERENCES sync_event (local_seq),
    kind        text    NOT NULL CHECK (kind IN ('version', 'key')), -- another base_version, or a key that has ended
    entity_type text    NOT NULL,
    entity_id   text    NOT NULL,
    expected    integer, -- base_version of the event
    actual      integer, -- version of the entity when it was refused
    detected_at integer NOT NULL,
    resolved_at integer, -- NULL: open, and later events of the entity are held
    strategy    text CHECK (strategy IN ('local-wins', 'remote-wins', 'merge', 'manual')),
    replacement integer REFERENCES sync_event (local_seq)
) STRICT;
CREATE INDEX sync_conflict_open ON sync_conflict (entity_type, entity_id) WHERE resolved_at IS NULL;

-- Two streams are followed: the store's events, and the tenant's keys, without which no event can be checked.
CREATE TABLE sync_stream (
    stream         text    PRIMARY KEY CHECK (stream IN ('events', 'keys')),
    size           integer NOT NULL DEFAULT 0, -- events pulled and checked
    frontier       blob    NOT NULL DEFAULT x'', -- compact range of their tree
    seen_size      integer NOT NULL DEFAULT 0, -- newest signed head that was checked, at or above size
    seen_root      blob, -- NULL: none was seen
    seen_at_us     integer, -- when the sequencer signed it
    seen_key       integer, -- with which key
    seen_signature blob
) STRICT;
INSERT INTO sync_stream (stream) VALUES ('events'), ('keys');

-- Everybody's events in order, checked: signature, key, place in the signed tree. Whatever is not here at a place of the
-- stream is in sync_quarantine.
CREATE TABLE sync_pulled (
    sequence     integer PRIMARY KEY,
    event_id     blob    NOT NULL,
    entity_type  text    NOT NULL,
    entity_id    text    NOT NULL,
    entity_version integer NOT NULL, -- version of the entity after this event
    event_type   text    NOT NULL,
    agent_id     blob    NOT NULL,
    signed       integer NOT NULL CHECK (signed IN (0, 1)), -- 0: nobody vouches for the content
    own          integer NOT NULL CHECK (own IN (0, 1)), -- 1: written on this machine
    envelope     text    NOT NULL, -- JSON as received
    sequenced_at text    NOT NULL,
    pulled_at    integer NOT NULL
) STRICT;
CREATE INDEX sync_pulled_event ON sync_pulled (event_id);
CREATE INDEX sync_pulled_entity ON sync_pulled (entity_type, entity_id, sequence);

-- Events that have their place and cannot be believed or understood. They block nothing and are not lost.
CREATE TABLE sync_quarantine (
    stream         text    NOT NULL REFERENCES sync_stream (stream),
    sequence       integer NOT NULL,
    code           text    NOT NULL,
    reason         text    NOT NULL,
    raw            text    NOT NULL, -- as received
    leaf           blob    NOT NULL CHECK (length(leaf) = 32), -- what the signed tree holds at this place
    quarantined_at integer NOT NULL,
    PRIMARY KEY (stream, sequence)
) STRICT;

-- Versions of entities, as the sequencer counts them: events pulled so far.
CREATE TABLE sync_entity (
    entity_type text    NOT NULL,
    entity_id   text    NOT NULL,
    version     integer NOT NULL,
    PRIMARY KEY (entity_type, entity_id)
) STRICT, WITHOUT ROWID;

-- Keys of all agents, from the checked key stream.
CREATE TABLE sync_peer_key (
    agent_id   blob    NOT NULL,
    key_id     integer NOT NULL,
    public_key blob    NOT NULL CHECK (length(public_key) = 32),
    valid_from integer,
    valid_to   integer,
    revoked_at integer,
    registered integer NOT NULL, -- place in the key stream
    PRIMARY KEY (agent_id, key_id)
) STRICT, WITHOUT ROWID;

-- The newest checkpoint of the head log that was checked.
CREATE TABLE sync_checkpoint (
    only_row integer PRIMARY KEY CHECK (only_row = 1),
    size     integer NOT NULL,
    root     blob    NOT NULL CHECK (length(root) = 32),
    note     text    NOT NULL, -- with its signatures
    seen_at  integer NOT NULL
) STRICT;

-- Histories that contradicted one that was seen before, with both sides' evidence.
CREATE TABLE sync_fork (
    fork_id    integer PRIMARY KEY AUTOINCREMENT,
    found_at   integer NOT NULL,
    fork       text    NOT NULL, -- JSON
    cleared_at integer -- the sequencer shows the old history again
) STRICT;

-- How far each reader of sync_pulled on this machine has come.
CREATE TABLE sync_consumer (
    consumer text    PRIMARY KEY,
    sequence integer NOT NULL
) STRICT, WITHOUT ROWID;

-- The last rounds, for status and for the pause before the next one.
CREATE TABLE sync_progress (
    direction    text    PRIMARY KEY CHECK (direction IN ('push', 'pull')),
    succeeded_at integer,
    failed_at    integer,
    failures     integer NOT NULL DEFAULT 0, -- in a row
    next_at      integer, -- when it is tried again by itself
    error_code   text,
    error        text
) STRICT;
INSERT INTO sync_progress (direction) VALUES ('push'), ('pull');

-- Each own event with its state, in this system's word and in the first outbox's.
CREATE VIEW sync_outbox AS
SELECT e.local_seq, e.event_id, l.event_type, l.entity_type, l.entity_id, e.base_version, e.attempts, e.remote_sequence,
       l.created_at, e.first_sent_at, e.delivered_at, e.acknowledged_at, e.error_code, e.error, e.replaces,
       CASE WHEN e.state = 'pending' AND EXISTS (
                SELECT 1 FROM sync_conflict c WHERE c.entity_type = l.entity_type AND c.entity_id = l.entity_id
                                                AND c.resolved_at IS NULL)
            THEN 'held' ELSE e.state END AS state,
       CASE e.state WHEN 'delivered' THEN 'Synced' WHEN 'acknowledged' THEN 'Acknowledged'
                    WHEN 'retry_wait' THEN 'Failed' WHEN 'rejected' THEN 'Failed' WHEN 'discarded' THEN 'Failed'
                    ELSE 'Pending' END AS status,
       e.state IN ('pending', 'in_flight', 'retry_wait', 'delivered') AS will_retry
FROM sync_event e
JOIN event_log l ON l.id = e.local_seq;
