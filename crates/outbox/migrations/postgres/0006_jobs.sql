-- What people and agents do to deliveries: jobs over many of them, and a record of every change.

-- A change to many deliveries: planned from a filter, applied in chunks. Its cursor moves in the transaction of each chunk,
-- so that a job which breaks off anywhere goes on where it was.
CREATE TABLE outbox.job (
    id            uuid    PRIMARY KEY,           -- also the plan's
    tenant_id     uuid    NOT NULL,
    store_id      uuid    NOT NULL,
    kind          text    COLLATE "C" NOT NULL CHECK (kind IN ('replay', 'redrive', 'discard', 'acknowledge')),
    filter        text    COLLATE "C" NOT NULL, -- canonical text; its times are absolute
    options       text    COLLATE "C" NOT NULL, -- JSON object: destination, missing, dead letter, evidence, force
    state         text    COLLATE "C" NOT NULL CHECK (state IN ('planned', 'running', 'paused', 'done', 'aborted', 'failed')),
    upto          bigint  NOT NULL,              -- event_log.id: what was written later is not the job's
    after_id      bigint  NOT NULL DEFAULT -1,   -- how far it is: event_log.id,
    after_letter  uuid    NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000', -- and dead letter
    planned       bigint  NOT NULL,              -- changes the plan foresaw, counted up to 10,000
    done          bigint  NOT NULL DEFAULT 0,    -- changes made
    skipped       bigint  NOT NULL DEFAULT 0,    -- looked at and left alone
    rate          integer NOT NULL CHECK (rate >= 1), -- most changes per second
    epoch         bigint  NOT NULL DEFAULT 0,    -- grows with every start: an older run stops at its next chunk
    actor         text    COLLATE "C" NOT NULL,  -- who planned it
    applied_by    text    COLLATE "C",           -- who started it last
    reason        text    COLLATE "C",
    error         text    COLLATE "C",           -- of failed
    created_at    bigint  NOT NULL,
    expires_at    bigint  NOT NULL,              -- of planned: until when it may be applied
    started_at    bigint,
    updated_at    bigint  NOT NULL,
    finished_at   bigint
);
CREATE INDEX job_time ON outbox.job (tenant_id, store_id, created_at);

-- Who changed what, and why. Append-only.
CREATE TABLE outbox.audit (
    id        bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    tenant_id uuid   NOT NULL,
    store_id  uuid   NOT NULL,
    at        bigint NOT NULL,
    actor     text   COLLATE "C" NOT NULL,
    action    text   COLLATE "C" NOT NULL, -- such as dead_letter.redriven, job.applied, key.reset
    subject   text   COLLATE "C" NOT NULL, -- what was changed: a kind, a colon, its id
    before    text   COLLATE "C",          -- what it was
    after     text   COLLATE "C",          -- and became
    reason    text   COLLATE "C",
    job_id    uuid
);
CREATE INDEX audit_scope ON outbox.audit (tenant_id, store_id, id);
CREATE INDEX audit_job ON outbox.audit (job_id, id) WHERE job_id IS NOT NULL;
CREATE INDEX audit_subject ON outbox.audit (tenant_id, store_id, subject, id);
CREATE TRIGGER audit_is_final BEFORE UPDATE OR DELETE ON outbox.audit
    FOR EACH ROW EXECUTE FUNCTION outbox.refuse_change();
CREATE TRIGGER audit_is_not_truncated BEFORE TRUNCATE ON outbox.audit
    FOR EACH STATEMENT EXECUTE FUNCTION outbox.refuse_change();

-- The deliveries of a replay.
CREATE INDEX delivery_replay ON outbox.delivery (replay_job, state) WHERE replay_job IS NOT NULL;
-- Events of one agent. Events without an agent do not pay for it.
CREATE INDEX event_log_agent ON outbox.event_log (tenant_id, store_id, agent_id, id) WHERE agent_id IS NOT NULL;
