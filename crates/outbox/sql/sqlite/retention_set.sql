INSERT INTO retention (name, tenant_id, store_id, type_glob, keep_us, legal_hold, reason, changed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, CAST((julianday('now') - 2440587.5) * 86400000000 AS integer))
ON CONFLICT (name) DO UPDATE SET tenant_id = excluded.tenant_id, store_id = excluded.store_id, type_glob = excluded.type_glob,
    keep_us = excluded.keep_us, legal_hold = excluded.legal_hold, reason = excluded.reason, changed_at = excluded.changed_at
