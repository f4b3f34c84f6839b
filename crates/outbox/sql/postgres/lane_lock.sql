-- One event of a consumer's lane at a time: else a predecessor could be applied without seeing what is being held for it.
SELECT pg_advisory_xact_lock(hashtextextended(concat_ws(E'\x1f', 'consumer', $1::text, $2::uuid::text, $3::uuid::text, $4::text), 0))
