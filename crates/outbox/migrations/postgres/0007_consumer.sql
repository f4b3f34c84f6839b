-- What a consumer cannot take yet, and what it will not take. Both lie in the consumer's own database and change in the
-- transaction of the effect.

-- An event that waits for one that comes before it. Released, in order, by the transaction that applies the predecessor.
CREATE TABLE outbox.held_event (
    id             bigint  PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    consumer       text    COLLATE "C" NOT NULL,
    tenant_id      uuid    NOT NULL,
    store_id       uuid    NOT NULL,
    lane           text    COLLATE "C" NOT NULL,  -- order key: events of one lane are taken one after the other
    event_id       uuid    NOT NULL,
    event_type     text    COLLATE "C" NOT NULL,
    schema_version integer NOT NULL,
    sequence       bigint,                        -- place in the producer's log, if known
    payload        text    COLLATE "C" NOT NULL,  -- as received
    notes          text    COLLATE "C" NOT NULL,  -- JSON object: trace, times, where it came from
    reason         text    COLLATE "C" NOT NULL,  -- waiting_for_predecessor
    waits_for      text    COLLATE "C" NOT NULL,  -- for people: what is missing
    held_at        bigint  NOT NULL,
    deadline_at    bigint  NOT NULL,              -- then it goes to quarantine
    UNIQUE (consumer, tenant_id, store_id, event_id)
);
CREATE INDEX held_event_lane ON outbox.held_event (consumer, tenant_id, store_id, lane, sequence, id);
CREATE INDEX held_event_deadline ON outbox.held_event (consumer, deadline_at);

-- What a consumer did not take, with the reason. Kept until somebody releases or discards it.
CREATE TABLE outbox.quarantine (
    id             uuid    PRIMARY KEY,
    consumer       text    COLLATE "C" NOT NULL,
    tenant_id      uuid    NOT NULL,
    store_id       uuid    NOT NULL,
    source         text    COLLATE "C" NOT NULL,  -- where it came from: topic/partition/offset, or the event id
    lane           text    COLLATE "C",           -- these are NULL for a record that could not be read
    event_id       uuid,
    event_type     text    COLLATE "C",
    schema_version integer,
    sequence       bigint,
    payload        text    COLLATE "C",
    notes          text    COLLATE "C",
    raw            bytea,                         -- of a record that could not be read: its first 1 MiB
    class          text    COLLATE "C" NOT NULL CHECK (class IN
        ('undecodable', 'upcast', 'illegal', 'no_predecessor', 'too_many_held', 'exhausted')),
    reason         text    COLLATE "C" NOT NULL,
    quarantined_at bigint  NOT NULL,
    closed_at      bigint,
    resolution     text    COLLATE "C" CHECK (resolution IN ('released', 'discarded')),
    note           text    COLLATE "C",           -- the operator's
    actor          text    COLLATE "C",
    CHECK ((closed_at IS NULL) = (resolution IS NULL)),
    CHECK ((event_id IS NULL) = (raw IS NOT NULL))
);
CREATE UNIQUE INDEX quarantine_open ON outbox.quarantine (consumer, tenant_id, store_id, source) WHERE closed_at IS NULL;
CREATE INDEX quarantine_list ON outbox.quarantine (consumer, id) WHERE closed_at IS NULL;

-- As before, for every table that has a tenant, those of later versions included: call it again after a migration.
CREATE OR REPLACE FUNCTION outbox.enable_row_security(service_role text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    name text;
    own text;
BEGIN
    FOR name, own IN
        SELECT c.oid::regclass::text, 'tenant_id = ' || 'outbox.current_tenant()'
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'outbox.event_log'::regclass)
          AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attname = 'tenant_id' AND NOT a.attisdropped
        UNION ALL VALUES
        -- Rows of these belong to the tenant of their delivery or event, which the policies above hide.
        ('outbox.attempt', 'EXISTS (SELECT 1 FROM outbox.delivery d WHERE d.id = delivery_id)'),
        ('outbox.receipt', 'EXISTS (SELECT 1 FROM outbox.event_log e WHERE e.id = log_id)')
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('DROP POLICY IF EXISTS tenant_rows ON %s', name);
        EXECUTE format('DROP POLICY IF EXISTS service_rows ON %s', name);
        EXECUTE format('CREATE POLICY tenant_rows ON %s USING (%s)', name, own);
        EXECUTE format('CREATE POLICY service_rows ON %s TO %I USING (true)', name, service_role);
    END LOOP;
END $$;
