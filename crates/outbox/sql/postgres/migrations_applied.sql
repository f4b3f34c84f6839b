-- Steps that were taken, the first one first.
SELECT version FROM outbox.outbox_migration ORDER BY version
