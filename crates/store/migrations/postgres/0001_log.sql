-- The log: streams, their events, payloads, trees, batches, agent keys, cursors, and the published head log.
-- Times are microseconds since 1970 UTC. Text that takes part in keys is compared byte by byte (COLLATE "C").

-- One row per (tenant, store): the head of its history. Rewritten by every append, so half of each page stays free.
CREATE TABLE streams (
    stream_no      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- dense number that leads every key below
    tenant_id      uuid   NOT NULL,
    store_id       uuid   NOT NULL,   -- the nil store holds the tenant's key stream
    size           bigint NOT NULL DEFAULT 0 CHECK (size >= 0), -- events in the stream = its last sequence
    frontier       bytea  NOT NULL DEFAULT ''::bytea, -- compact range of the stream tree, 32 bytes per set bit of size
    root           bytea  NOT NULL,   -- root of the stream tree (RFC 6962)
    last_at        bigint,            -- when the last event was sequenced
    head_key_id    bigint,            -- sequencer key that signed the head
    head_signature bytea,             -- its signature (VES_FLUSH_V1)
    opened_at      bigint NOT NULL,
    UNIQUE (tenant_id, store_id)
) WITH (fillfactor = 50);

-- Immutable header of each event. Refuses UPDATE, DELETE and TRUNCATE (triggers below).
CREATE TABLE events (
    stream_no         bigint   NOT NULL,
    seq               bigint   NOT NULL CHECK (seq > 0),
    event_id          uuid     NOT NULL,
    version           smallint NOT NULL,  -- 0 legacy envelope, 1 and 2 VES
    agent_id          uuid     NOT NULL,
    agent_key_id      bigint,             -- NULL: the event is unsigned
    entity_type       text     COLLATE "C" NOT NULL,
    entity_id         text     COLLATE "C" NOT NULL,
    event_type        text     COLLATE "C" NOT NULL,
    created_at        text     COLLATE "C" NOT NULL, -- exactly as received, because it is signed
    payload_form      smallint NOT NULL,  -- 0 plain, 1 encrypted, 2 legacy sorted, 3 legacy canonical
    payload_hash      bytea    NOT NULL,
    cipher_hash       bytea,              -- NULL for a payload that is not encrypted
    content_hash      bytea    NOT NULL,  -- signing hash, or field hash of an unsigned event
    seal              bytea    NOT NULL,  -- 64-byte signature, or 16-byte salt of an unsigned event
    command_id        uuid,
    base_version      bigint,             -- unsigned 64-bit number, stored as the same bits
    order_key         text     COLLATE "C",
    correlation_id    text     COLLATE "C",
    annotations       text     COLLATE "C", -- JSON of the optional members that nothing searches
    sequenced_at      bigint   NOT NULL,
    receipt_key_id    bigint,             -- sequencer key of the event's own receipt signature, if one was asked for
    receipt_signature bytea,
    PRIMARY KEY (stream_no, seq),
    -- event_id first: the look-up of ids then has this plan only, whatever else is indexed
    UNIQUE (event_id, stream_no)
);
CREATE INDEX events_entity ON events (stream_no, entity_type, entity_id, seq);
CREATE INDEX events_correlation ON events (stream_no, correlation_id, seq) WHERE correlation_id IS NOT NULL;
CREATE INDEX events_order_key ON events (stream_no, order_key, seq) WHERE order_key IS NOT NULL;

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'table % is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER events_are_final BEFORE UPDATE OR DELETE ON events FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER events_are_not_truncated BEFORE TRUNCATE ON events FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Payloads of consecutive events, each sealed on its own. The only part of an event that maintenance may rewrite.
CREATE TABLE event_payload (
    stream_no bigint NOT NULL,
    first_seq bigint NOT NULL,
    last_seq  bigint NOT NULL,
    key_id    bytea,                      -- which payload key sealed them; NULL: stored in the clear
    sealed    bytea NOT NULL,             -- u32 end offsets, then the sealed payloads
    PRIMARY KEY (stream_no, first_seq)
);
-- Ciphertext does not compress.
ALTER TABLE event_payload ALTER COLUMN sealed SET STORAGE EXTERNAL;

-- Complete tiles of the stream trees. Derivable from events.
CREATE TABLE stream_tiles (
    stream_no bigint   NOT NULL,
    level     smallint NOT NULL,          -- 0: raw leaves; L: roots of 256 tiles of level L - 1
    idx       bigint   NOT NULL,
    root      bytea    NOT NULL,          -- root of the subtree the tile covers
    hashes    bytea    NOT NULL,          -- 256 * 32 bytes
    PRIMARY KEY (stream_no, level, idx)
);
ALTER TABLE stream_tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;

-- VES batch commitments: contiguous from sequence 1 in every stream.
CREATE TABLE batches (
    batch_id            uuid   PRIMARY KEY,
    stream_no           bigint NOT NULL,
    start_seq           bigint NOT NULL CHECK (start_seq > 0),
    end_seq             bigint NOT NULL CHECK (end_seq >= start_seq),
    merkle_root         bytea  NOT NULL,
    previous_state_root bytea  NOT NULL,
    state_root          bytea  NOT NULL,
    chunk_roots         bytea  NOT NULL,  -- roots of the batch tree's 256-leaf subtrees
    committed_at        bigint NOT NULL,
    log_index           bigint,           -- its record in the head log, once published
    UNIQUE (stream_no, start_seq),
    UNIQUE (stream_no, end_seq)
);
CREATE INDEX batches_unpublished ON batches (batch_id) WHERE log_index IS NULL;

-- Agent keys as they stand; the history is the tenant's key stream.
CREATE TABLE agent_keys (
    tenant_id  uuid   NOT NULL,
    agent_id   uuid   NOT NULL,
    key_id     bigint NOT NULL,
    public_key bytea  NOT NULL CHECK (octet_length(public_key) = 32),
    valid_from bigint,
    valid_to   bigint,
    revoked_at bigint,
    registered bigint NOT NULL,           -- place of the registration in the key stream
    PRIMARY KEY (tenant_id, agent_id, key_id)
);

-- Acknowledged position of each puller; never goes back.
CREATE TABLE cursors (
    stream_no    bigint NOT NULL,
    agent_id     uuid   NOT NULL,
    acknowledged bigint NOT NULL CHECK (acknowledged >= 0),
    updated_at   bigint NOT NULL,
    PRIMARY KEY (stream_no, agent_id)
);

-- Every sequencer key ever used, so that old receipts stay verifiable.
CREATE TABLE sequencer_keys (
    key_id     bigint PRIMARY KEY,
    public_key bytea  NOT NULL UNIQUE CHECK (octet_length(public_key) = 32),
    added_at   bigint NOT NULL
);

-- The head log: one row of state with the publisher's lease, records, tiles, checkpoints.
CREATE TABLE log_state (
    id           smallint PRIMARY KEY CHECK (id = 1),
    size         bigint NOT NULL DEFAULT 0,
    frontier     bytea  NOT NULL DEFAULT ''::bytea,
    blinding_key bytea  NOT NULL,         -- salts of blinded records derive from it
    epoch        bigint NOT NULL DEFAULT 0, -- grows with every change of publisher; writes under an older one are refused
    owner        text   NOT NULL DEFAULT '',
    lease_until  bigint NOT NULL DEFAULT 0
);
CREATE TABLE log_records (
    log_index bigint PRIMARY KEY,
    stream_no bigint NOT NULL,
    record    bytea  NOT NULL             -- in the clear; the public sees its salted hash
);
CREATE TABLE logged_heads (
    stream_no bigint PRIMARY KEY,
    size      bigint NOT NULL,            -- stream size of the newest HEAD record
    log_index bigint NOT NULL             -- that record
) WITH (fillfactor = 50);
CREATE TABLE log_tiles (
    level  smallint NOT NULL,
    idx    bigint   NOT NULL,
    hashes bytea    NOT NULL,
    PRIMARY KEY (level, idx)
);
ALTER TABLE log_tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;
CREATE TABLE checkpoints (
    size       bigint PRIMARY KEY,
    note       text   NOT NULL,           -- the signed note, as served
    created_at bigint NOT NULL
);
