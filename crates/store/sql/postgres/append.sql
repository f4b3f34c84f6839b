-- One append to any number of streams, as one statement: one round trip, one commit, one fsync.
-- A stream takes part only if it still has the expected size and its tenant's key stream has not moved; the statement
-- returns the streams that took part. An id that a stream already holds violates UNIQUE (event_id, stream_no) and undoes
-- everything.
WITH arrived AS (
    SELECT *
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bigint[], $7::bigint[],
                $8::bytea[], $9::bigint[], $10::bigint[])
        AS a(stream_no, expected_size, size, frontier, root, last_at, head_key_id, head_signature,
             key_stream_no, key_stream_size)
), moved AS (
    UPDATE streams AS s
    SET size = a.size, frontier = a.frontier, root = a.root, last_at = a.last_at,
        head_key_id = a.head_key_id, head_signature = a.head_signature
    FROM arrived AS a
    WHERE s.stream_no = a.stream_no
      AND s.size = a.expected_size
      AND (a.key_stream_no IS NULL
           OR (SELECT k.size FROM streams AS k WHERE k.stream_no = a.key_stream_no) = a.key_stream_size)
    RETURNING s.stream_no
), new_events AS (
    INSERT INTO events (stream_no, seq, event_id, version, agent_id, agent_key_id, entity_type, entity_id, event_type,
                        created_at, payload_form, payload_hash, cipher_hash, content_hash, seal, command_id,
                        base_version, order_key, correlation_id, annotations, sequenced_at, receipt_key_id,
                        receipt_signature)
    SELECT *
    FROM unnest($11::bigint[], $12::bigint[], $13::uuid[], $14::smallint[], $15::uuid[], $16::bigint[], $17::text[],
                $18::text[], $19::text[], $20::text[], $21::smallint[], $22::bytea[], $23::bytea[], $24::bytea[],
                $25::bytea[], $26::uuid[], $27::bigint[], $28::text[], $29::text[], $30::text[], $31::bigint[],
                $32::bigint[], $33::bytea[]) AS e(stream_no)
    WHERE e.stream_no = ANY (ARRAY(SELECT stream_no FROM moved))
), new_payloads AS (
    INSERT INTO event_payload (stream_no, first_seq, last_seq, key_id, sealed)
    SELECT *
    FROM unnest($34::bigint[], $35::bigint[], $36::bigint[], $37::bytea[], $38::bytea[]) AS p(stream_no)
    WHERE p.stream_no = ANY (ARRAY(SELECT stream_no FROM moved))
), new_tiles AS (
    INSERT INTO stream_tiles (stream_no, level, idx, root, hashes)
    SELECT *
    FROM unnest($39::bigint[], $40::smallint[], $41::bigint[], $42::bytea[], $43::bytea[]) AS t(stream_no)
    WHERE t.stream_no = ANY (ARRAY(SELECT stream_no FROM moved))
)
SELECT stream_no FROM moved
