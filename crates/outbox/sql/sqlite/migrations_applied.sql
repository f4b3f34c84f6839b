-- Steps that were taken, the first one first.
SELECT version FROM outbox_migration ORDER BY version
