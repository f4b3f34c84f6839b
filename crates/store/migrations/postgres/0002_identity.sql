-- API keys: who may call, and what that permits. A key is shown once, when it is made; here is only its hash.
CREATE TABLE api_keys (
    prefix      text    COLLATE "C" PRIMARY KEY, -- public part of the key
    secret_hash bytea   NOT NULL CHECK (octet_length(secret_hash) = 32), -- SHA-256 of the whole key
    tenant_id   uuid    NOT NULL,
    stores      uuid[]  NOT NULL,     -- empty: all stores of the tenant
    can_read    boolean NOT NULL,
    can_write   boolean NOT NULL,
    can_admin   boolean NOT NULL,
    agent_id    uuid,                 -- the one agent it may act for; NULL: any of the tenant's
    rate_limit  bigint,               -- requests per minute; NULL: the server's own limit
    name        text    NOT NULL,     -- what people call it
    created_at  bigint  NOT NULL,
    expires_at  bigint,               -- from when on it is refused; NULL: it does not end by itself
    revoked_at  bigint                -- never goes back to NULL
);
CREATE INDEX api_keys_tenant ON api_keys (tenant_id, prefix);

-- Tenants are kept apart by the database as well: a statement that forgets its WHERE clause finds no row of another tenant.
--
-- Whoever serves a request for a tenant names it in `stateset.tenant` for the transaction and, where there is such a role,
-- acts as `stateset_api`, which sees that tenant's rows and nothing else. Work that is for all tenants (append, publisher,
-- committer) is done by the owner of the tables or as `stateset_service`. None of them bypasses row security.

-- The tenant that the transaction is for; NULL: none was named.
CREATE FUNCTION stateset_tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT nullif(current_setting('stateset.tenant', true), '')::uuid $$;

-- Writes all policies anew, for the roles that there are. The owner calls it again after the roles were created.
CREATE FUNCTION stateset_isolate() RETURNS void LANGUAGE plpgsql AS $isolate$
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
    -- Listed, because the schema may hold others' tables too; those of later migrations are not there yet at first.
    FOR name, its IN
        SELECT n, its_tenant FROM unnest(ARRAY['streams', 'agent_keys', 'api_keys', 'schemas', 'schema_policies']) AS n
        UNION ALL
        SELECT n, its_stream FROM unnest(ARRAY['events', 'event_payload', 'stream_tiles', 'batches', 'cursors',
                                               'log_records', 'logged_heads']) AS n
    LOOP
        CONTINUE WHEN to_regclass(quote_ident(name)) IS NULL;
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

-- The roles, if whoever migrates may create them. They belong to the whole server, so another database may have them made,
-- or be making them at this moment; then this one looks again.
DO $roles$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['stateset_api', 'stateset_service'] LOOP
        FOR attempt IN 1..10 LOOP
            BEGIN
                IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
                    EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
                END IF;
                -- Also for a member: who creates a role is one, but may not act as it (PostgreSQL 16 and later).
                EXECUTE format('GRANT %I TO CURRENT_USER', wanted);
                EXIT;
            EXCEPTION
                WHEN insufficient_privilege THEN EXIT;
                WHEN duplicate_object OR unique_violation OR internal_error OR undefined_object THEN NULL;
            END;
        END LOOP;
    END LOOP;
END $roles$;

SELECT stateset_isolate();
