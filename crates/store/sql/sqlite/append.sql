-- One append to any number of streams, as four statements of one transaction: heads, events, payloads, tiles. Each takes
-- many rows at once: the program repeats the parenthesised row and leaves superfluous ones unbound, which makes them null.

-- A stream takes part only if it still has the expected size and its tenant's key stream has not moved; the statement
-- returns the streams that took part.
WITH arrived (stream_no, expected_size, size, frontier, root, last_at, head_key_id, head_signature, key_stream_no,
              key_stream_size)
AS (VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?))
UPDATE streams
SET size = a.size, frontier = a.frontier, root = a.root, last_at = a.last_at,
    head_key_id = a.head_key_id, head_signature = a.head_signature
FROM arrived AS a
WHERE streams.stream_no = a.stream_no
  AND streams.size = a.expected_size
  AND (a.key_stream_no IS NULL
       OR (SELECT k.size FROM streams AS k WHERE k.stream_no = a.key_stream_no) = a.key_stream_size)
RETURNING stream_no;

-- An id that a stream already holds violates UNIQUE (event_id, stream_no), and the transaction is rolled back. OR FAIL
-- tells SQLite that nobody needs this statement undone by itself, which saves it a journal of every page touched.
WITH arrived (stream_no, seq, event_id, version, agent_id, agent_key_id, entity_type, entity_id, event_type,
              created_at, payload_form, payload_hash, cipher_hash, content_hash, seal, command_id,
              base_version, order_key, correlation_id, annotations, sequenced_at, receipt_key_id,
              receipt_signature)
AS (VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?))
INSERT OR FAIL INTO events (stream_no, seq, event_id, version, agent_id, agent_key_id, entity_type, entity_id, event_type,
                            created_at, payload_form, payload_hash, cipher_hash, content_hash, seal, command_id,
                            base_version, order_key, correlation_id, annotations, sequenced_at, receipt_key_id,
                            receipt_signature)
SELECT * FROM arrived WHERE stream_no IS NOT NULL;

WITH arrived (stream_no, first_seq, last_seq, key_id, sealed)
AS (VALUES (?, ?, ?, ?, ?))
INSERT OR FAIL INTO event_payload (stream_no, first_seq, last_seq, key_id, sealed)
SELECT * FROM arrived WHERE stream_no IS NOT NULL;

WITH arrived (stream_no, level, idx, root, hashes)
AS (VALUES (?, ?, ?, ?, ?))
INSERT OR FAIL INTO stream_tiles (stream_no, level, idx, root, hashes)
SELECT * FROM arrived WHERE stream_no IS NOT NULL
