-- Before minute $1.
DELETE FROM outbox.delivery_rollup WHERE minute < $1
