-- Before minute $1.
DELETE FROM delivery_rollup WHERE minute < $1
