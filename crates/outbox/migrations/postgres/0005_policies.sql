-- Row-level security, off until `enable_row_security` is called: an application with one tenant has no use for it.

-- Whose rows the transaction is about: set_config('outbox.tenant_id', …, true). Unset: nobody's.
CREATE FUNCTION outbox.current_tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT nullif(current_setting('outbox' || '.tenant_id', true), '')::uuid $$;

-- From now on every role, the owner included, sees and writes rows of the current tenant only; a member of `service_role`,
-- which is what workers connect as, sees all. A superuser, or a role with BYPASSRLS, is above all policies.
-- Grant applications nothing on the partitions: a policy holds where a table is named. Tables are listed, because the schema
-- may hold others of the application's own; call it again after a migration, which may have brought more.
CREATE FUNCTION outbox.enable_row_security(service_role text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    name text;
    own text;
BEGIN
    FOR name, own IN
        SELECT n, 'tenant_id = outbox.current_tenant()'
        FROM unnest(ARRAY['outbox.event_identity', 'outbox.event_log', 'outbox.delivery', 'outbox.parked_lane',
                          'outbox.dead_letter', 'outbox.idempotency_keys', 'outbox.idempotency_key_history',
                          'outbox.inbox', 'outbox.job', 'outbox.audit', 'outbox.held_event', 'outbox.quarantine',
                          'outbox.retention', 'outbox.subject_key', 'outbox.subject_data']) AS n
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
