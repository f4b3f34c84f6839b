-- The database's clock, microseconds since 1970 UTC.
SELECT CAST((julianday('now') - 2440587.5) * 86400000000 AS integer)
