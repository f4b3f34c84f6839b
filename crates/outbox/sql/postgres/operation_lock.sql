-- Whether nobody else is at work under this key. Held until the transaction ends, whatever ends it.
SELECT pg_try_advisory_xact_lock(
    hashtextextended(concat_ws(E'\x1f', 'outbox', $1::uuid::text, $2::uuid::text, $3::text, $4::text), 0))
