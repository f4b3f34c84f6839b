INSERT INTO schema_policies (tenant_id, subject, mode, compatibility)
VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (tenant_id, subject) DO UPDATE SET mode = excluded.mode, compatibility = excluded.compatibility
