-- Nothing: a transaction that is going to write has the file for itself, and readers do not see it.
SELECT 0 WHERE $1 IS NULL AND $2 IS NULL AND $3 IS NULL AND $4 IS NULL
