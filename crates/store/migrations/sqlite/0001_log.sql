-- The log: streams, their events, payloads, trees, batches, agent keys, cursors, and the published head log.
-- Times are microseconds since 1970 UTC. Ids are 16-byte blobs. Text is compared byte by byte.

-- One row per (tenant, store): the head of its history. Rewritten by every append, and only ever by the one writer.
CREATE TABLE streams (
    stream_no      INTEGER PRIMARY KEY AUTOINCREMENT, -- dense number that leads every key below
    tenant_id      BLOB  NOT NULL,
    store_id       BLOB  NOT NULL,   -- the nil store holds the tenant's key stream
    size           INTEGER NOT NULL DEFAULT 0 CHECK (size >= 0), -- events in the stream = its last sequence
    frontier       BLOB  NOT NULL DEFAULT x'', -- compact range of the stream tree, 32 bytes per set bit of size
    root           BLOB  NOT NULL,   -- root of the stream tree (RFC 6962)
    last_at        INTEGER,            -- when the last event was sequenced
    head_key_id    INTEGER,            -- sequencer key that signed the head
    head_signature BLOB,             -- its signature (VES_FLUSH_V1)
    opened_at      INTEGER NOT NULL,
    UNIQUE (tenant_id, store_id)
) STRICT;

-- Immutable header of each event. Refuses UPDATE, DELETE and REPLACE (triggers below).
CREATE TABLE events (
    stream_no         INTEGER   NOT NULL,
    seq               INTEGER   NOT NULL CHECK (seq > 0),
    event_id          BLOB    NOT NULL,
    version           INTEGER NOT NULL,  -- 0 legacy envelope, 1 and 2 VES
    agent_id          BLOB    NOT NULL,
    agent_key_id      INTEGER,             -- NULL: the event is unsigned
    entity_type       TEXT     NOT NULL,
    entity_id         TEXT     NOT NULL,
    event_type        TEXT     NOT NULL,
    created_at        TEXT     NOT NULL, -- exactly as received, because it is signed
    payload_form      INTEGER NOT NULL,  -- 0 plain, 1 encrypted, 2 legacy sorted, 3 legacy canonical
    payload_hash      BLOB    NOT NULL,
    cipher_hash       BLOB,              -- NULL for a payload that is not encrypted
    content_hash      BLOB    NOT NULL,  -- signing hash, or field hash of an unsigned event
    seal              BLOB    NOT NULL,  -- 64-byte signature, or 16-byte salt of an unsigned event
    command_id        BLOB,
    base_version      INTEGER,             -- unsigned 64-bit number, stored as the same bits
    order_key         TEXT,
    correlation_id    TEXT,
    annotations       TEXT, -- JSON of the optional members that nothing searches
    sequenced_at      INTEGER   NOT NULL,
    receipt_key_id    INTEGER,             -- sequencer key of the event's own receipt signature, if one was asked for
    receipt_signature BLOB,
    PRIMARY KEY (stream_no, seq),
    -- event_id first: the look-up of ids then has this plan only, whatever else is indexed
    UNIQUE (event_id, stream_no)
) STRICT, WITHOUT ROWID;
CREATE INDEX events_entity ON events (stream_no, entity_type, entity_id, seq);
CREATE INDEX events_correlation ON events (stream_no, correlation_id, seq) WHERE correlation_id IS NOT NULL;
CREATE INDEX events_order_key ON events (stream_no, order_key, seq) WHERE order_key IS NOT NULL;

CREATE TRIGGER events_are_not_updated BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'table events is append-only: UPDATE refused'); END;
-- With PRAGMA recursive_triggers, which every connection sets, INSERT OR REPLACE ends here too.
CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'table events is append-only: DELETE refused'); END;

-- Payloads of consecutive events, each sealed on its own. The only part of an event that maintenance may rewrite.
CREATE TABLE event_payload (
    stream_no INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq  INTEGER NOT NULL,
    key_id    BLOB,                      -- which payload key sealed them; NULL: stored in the clear
    sealed    BLOB NOT NULL,             -- u32 end offsets, then the sealed payloads
    PRIMARY KEY (stream_no, first_seq)
) STRICT;

-- Complete tiles of the stream trees. Derivable from events.
CREATE TABLE stream_tiles (
    stream_no INTEGER   NOT NULL,
    level     INTEGER NOT NULL,          -- 0: raw leaves; L: roots of 256 tiles of level L - 1
    idx       INTEGER   NOT NULL,
    root      BLOB    NOT NULL,          -- root of the subtree the tile covers
    hashes    BLOB    NOT NULL,          -- 256 * 32 bytes
    PRIMARY KEY (stream_no, level, idx)
) STRICT;

-- VES batch commitments: contiguous from sequence 1 in every stream.
CREATE TABLE batches (
    batch_id            BLOB  PRIMARY KEY,
    stream_no           INTEGER NOT NULL,
    start_seq           INTEGER NOT NULL CHECK (start_seq > 0),
    end_seq             INTEGER NOT NULL CHECK (end_seq >= start_seq),
    merkle_root         BLOB  NOT NULL,
    previous_state_root BLOB  NOT NULL,
    state_root          BLOB  NOT NULL,
    chunk_roots         BLOB  NOT NULL,  -- roots of the batch tree's 256-leaf subtrees
    committed_at        INTEGER NOT NULL,
    log_index           INTEGER,           -- its record in the head log, once published
    UNIQUE (stream_no, start_seq),
    UNIQUE (stream_no, end_seq)
) STRICT;
CREATE INDEX batches_unpublished ON batches (batch_id) WHERE log_index IS NULL;

-- Agent keys as they stand; the history is the tenant's key stream.
CREATE TABLE agent_keys (
    tenant_id  BLOB  NOT NULL,
    agent_id   BLOB  NOT NULL,
    key_id     INTEGER NOT NULL,
    public_key BLOB  NOT NULL CHECK (length(public_key) = 32),
    valid_from INTEGER,
    valid_to   INTEGER,
    revoked_at INTEGER,
    registered INTEGER NOT NULL,           -- place of the registration in the key stream
    PRIMARY KEY (tenant_id, agent_id, key_id)
) STRICT;

-- Acknowledged position of each puller; never goes back.
CREATE TABLE cursors (
    stream_no    INTEGER NOT NULL,
    agent_id     BLOB  NOT NULL,
    acknowledged INTEGER NOT NULL CHECK (acknowledged >= 0),
    updated_at   INTEGER NOT NULL,
    PRIMARY KEY (stream_no, agent_id)
) STRICT;

-- Every sequencer key ever used, so that old receipts stay verifiable.
CREATE TABLE sequencer_keys (
    key_id     INTEGER PRIMARY KEY,
    public_key BLOB  NOT NULL UNIQUE CHECK (length(public_key) = 32),
    added_at   INTEGER NOT NULL
) STRICT;

-- The head log: one row of state with the publisher's lease, records, tiles, checkpoints.
CREATE TABLE log_state (
    id           INTEGER PRIMARY KEY CHECK (id = 1),
    size         INTEGER NOT NULL DEFAULT 0,
    frontier     BLOB  NOT NULL DEFAULT x'',
    blinding_key BLOB  NOT NULL,         -- salts of blinded records derive from it
    epoch        INTEGER NOT NULL DEFAULT 0, -- grows with every change of publisher; writes under an older one are refused
    owner        TEXT   NOT NULL DEFAULT '',
    lease_until  INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE log_records (
    log_index INTEGER PRIMARY KEY,
    stream_no INTEGER NOT NULL,
    record    BLOB  NOT NULL             -- in the clear; the public sees its salted hash
) STRICT;
CREATE TABLE logged_heads (
    stream_no INTEGER PRIMARY KEY,
    size      INTEGER NOT NULL,            -- stream size of the newest HEAD record
    log_index INTEGER NOT NULL             -- that record
) STRICT;
CREATE TABLE log_tiles (
    level  INTEGER NOT NULL,
    idx    INTEGER   NOT NULL,
    hashes BLOB    NOT NULL,
    PRIMARY KEY (level, idx)
) STRICT;
CREATE TABLE checkpoints (
    size       INTEGER PRIMARY KEY,
    note       TEXT   NOT NULL,           -- the signed note, as served
    created_at INTEGER NOT NULL
) STRICT;
