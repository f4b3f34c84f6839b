-- What people and agents do to deliveries: jobs over many of them, and a record of every change.

-- A change to many deliveries: planned from a filter, applied in chunks. Its cursor moves in the transaction of each chunk,
-- so that a job which breaks off anywhere goes on where it was.
CREATE TABLE job (
    id            blob    PRIMARY KEY,           -- also the plan's
    tenant_id     blob    NOT NULL,
    store_id      blob    NOT NULL,
    kind          text    NOT NULL CHECK (kind IN ('replay', 'redrive', 'discard', 'acknowledge')),
    filter        text    NOT NULL, -- canonical text; its times are absolute
    options       text    NOT NULL, -- JSON object: destination, missing, dead letter, evidence, force
    state         text    NOT NULL CHECK (state IN ('planned', 'running', 'paused', 'done', 'aborted', 'failed')),
    upto          integer NOT NULL,              -- event_log.id: what was written later is not the job's
    after_id      integer NOT NULL DEFAULT -1,   -- how far it is: event_log.id,
    after_letter  blob    NOT NULL DEFAULT x'00000000000000000000000000000000', -- and dead letter
    planned       integer NOT NULL,              -- changes the plan foresaw, counted up to 10,000
    done          integer NOT NULL DEFAULT 0,    -- changes made
    skipped       integer NOT NULL DEFAULT 0,    -- looked at and left alone
    rate          integer NOT NULL CHECK (rate >= 1), -- most changes per second
    epoch         integer NOT NULL DEFAULT 0,    -- grows with every start: an older run stops at its next chunk
    actor         text    NOT NULL,  -- who planned it
    applied_by    text,           -- who started it last
    reason        text,
    error         text,           -- of failed
    created_at    integer NOT NULL,
    expires_at    integer NOT NULL,              -- of planned: until when it may be applied
    started_at    integer,
    updated_at    integer NOT NULL,
    finished_at   integer
) STRICT;
CREATE INDEX job_time ON job (tenant_id, store_id, created_at);

-- Who changed what, and why. Append-only.
CREATE TABLE audit (
    id        integer PRIMARY KEY AUTOINCREMENT,
    tenant_id blob   NOT NULL,
    store_id  blob   NOT NULL,
    at        integer NOT NULL,
    actor     text   NOT NULL,
    action    text   NOT NULL, -- such as dead_letter.redriven, job.applied, key.reset
    subject   text   NOT NULL, -- what was changed: a kind, a colon, its id
    before    text,          -- what it was
    after     text,          -- and became
    reason    text,
    job_id    blob
) STRICT;
CREATE INDEX audit_scope ON audit (tenant_id, store_id, id);
CREATE INDEX audit_job ON audit (job_id, id) WHERE job_id IS NOT NULL;
CREATE INDEX audit_subject ON audit (tenant_id, store_id, subject, id);
CREATE TRIGGER audit_is_not_updated BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'table audit is append-only: UPDATE refused'); END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'table audit is append-only: DELETE refused'); END;
-- INSERT OR REPLACE fires no DELETE trigger unless recursive_triggers is on.
CREATE TRIGGER audit_is_not_replaced BEFORE INSERT ON audit
WHEN NEW.id IS NOT NULL AND EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'table audit is append-only: REPLACE refused'); END;

-- The deliveries of a replay.
CREATE INDEX delivery_replay ON delivery (replay_job, state) WHERE replay_job IS NOT NULL;
-- Events of one agent. Events without an agent do not pay for it.
CREATE INDEX event_log_agent ON event_log (tenant_id, store_id, agent_id, id) WHERE agent_id IS NOT NULL;
