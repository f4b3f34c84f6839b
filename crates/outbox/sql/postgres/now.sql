-- The database's clock, microseconds since 1970 UTC.
SELECT outbox.now_us()
