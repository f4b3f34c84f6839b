INSERT INTO outbox.retention (name, tenant_id, store_id, type_glob, keep_us, legal_hold, reason, changed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, outbox.now_us())
ON CONFLICT (name) DO UPDATE SET tenant_id = excluded.tenant_id, store_id = excluded.store_id, type_glob = excluded.type_glob,
    keep_us = excluded.keep_us, legal_hold = excluded.legal_hold, reason = excluded.reason, changed_at = excluded.changed_at
