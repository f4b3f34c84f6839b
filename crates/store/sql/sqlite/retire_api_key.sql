-- A key that is already refused has no successor; an end that was set earlier stays.
UPDATE api_keys SET expires_at = min(coalesce(expires_at, ?3), ?3)
WHERE tenant_id = ?1 AND prefix = ?2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?4)
