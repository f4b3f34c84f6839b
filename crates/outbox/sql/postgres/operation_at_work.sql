-- One row, with the time, if a transaction is at work under this key: it holds the lock of operation_lock.sql, which a
-- look does not take.
SELECT outbox.now_us()
FROM pg_locks
WHERE locktype = 'advisory' AND objsubid = 1 AND granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND (classid::bigint << 32 | objid::bigint)
      = hashtextextended(concat_ws(E'\x1f', 'outbox', $1::uuid::text, $2::uuid::text, $3::text, $4::text), 0)
LIMIT 1
