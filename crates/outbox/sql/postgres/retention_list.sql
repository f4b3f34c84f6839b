SELECT name, tenant_id, store_id, type_glob, keep_us, legal_hold, reason FROM outbox.retention ORDER BY name
