-- Schemas of payloads, as a tenant has registered them. A version's text never changes.
CREATE TABLE schemas (
    tenant_id   uuid    NOT NULL,
    schema_no   integer NOT NULL CHECK (schema_no >= 1), -- names it among the tenant's, without gaps
    subject     text    COLLATE "C" NOT NULL, -- a type of event, or any name a client gives
    version     integer NOT NULL CHECK (version >= 1),   -- place in the subject's history
    status      text    NOT NULL CHECK (status IN ('active', 'deprecated', 'disabled', 'deleted')),
    schema_text text    NOT NULL,     -- JSON Schema as it was received
    description text    NOT NULL,     -- a sentence for people
    created_at  bigint  NOT NULL,
    PRIMARY KEY (tenant_id, schema_no),
    UNIQUE (tenant_id, subject, version)
);

-- How events are held to schemas, and what a new version must agree with.
CREATE TABLE schema_policies (
    tenant_id     uuid NOT NULL,
    subject       text COLLATE "C" NOT NULL, -- empty: every subject without a row of its own
    mode          text,               -- NULL: as the server says
    compatibility text,               -- NULL: as the server says
    PRIMARY KEY (tenant_id, subject)
);

-- Writes all policies anew, for the roles that there are. The owner calls it again after the roles were created.
CREATE OR REPLACE FUNCTION stateset_isolate() RETURNS void LANGUAGE plpgsql AS $isolate$
DECLARE
    has_api     constant boolean := EXISTS (SELECT FROM pg_roles WHERE rolname = 'stateset_api');
    has_service constant boolean := EXISTS (SELECT FROM pg_roles WHERE rolname = 'stateset_service');
    its_tenant  constant text := 'tenant_id = (SELECT stateset_tenant())';
    -- IS TRUE keeps the planner from reading all streams of the tenant by this list, when the statement names one.
    its_stream  constant text := '(stream_no = ANY (ARRAY(SELECT s.stream_no FROM streams AS s'
                                 ' WHERE s.tenant_id = (SELECT stateset_tenant())))) IS TRUE';
    name text;
    its  text;
BEGIN
    FOREACH name IN ARRAY ARRAY['streams', 'agent_keys', 'api_keys', 'schemas', 'schema_policies', 'events', 'event_payload', 'stream_tiles',
                                'batches', 'cursors', 'log_records', 'logged_heads'] LOOP
        its := CASE WHEN name IN ('streams', 'agent_keys', 'api_keys', 'schemas', 'schema_policies') THEN its_tenant ELSE its_stream END;
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('DROP POLICY IF EXISTS of_owner ON %I', name);
        EXECUTE format('CREATE POLICY of_owner ON %I TO CURRENT_USER USING ((SELECT stateset_tenant()) IS NULL OR %s)',
                       name, its);
        IF has_api THEN
            EXECUTE format('DROP POLICY IF EXISTS of_api ON %I', name);
            EXECUTE format('CREATE POLICY of_api ON %I FOR SELECT TO stateset_api USING (%s)', name, its);
            EXECUTE format('REVOKE ALL ON %I FROM stateset_api', name);
            EXECUTE format('GRANT SELECT ON %I TO stateset_api', name);
        END IF;
        IF has_service THEN
            EXECUTE format('DROP POLICY IF EXISTS of_service ON %I', name);
            EXECUTE format('CREATE POLICY of_service ON %I TO stateset_service USING (true)', name);
            EXECUTE format('GRANT SELECT, INSERT, UPDATE ON %I TO stateset_service', name);
        END IF;
    END LOOP;
    IF has_service THEN
        GRANT SELECT, INSERT, UPDATE ON sequencer_keys, log_state, log_tiles, checkpoints TO stateset_service;
        GRANT SELECT ON _sqlx_migrations TO stateset_service;
    END IF;
END $isolate$;

SELECT stateset_isolate();
