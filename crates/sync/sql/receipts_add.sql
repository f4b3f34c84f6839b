-- $1: [[event, place, receipt, flaw], …]; $2 now. The first receipt that proves something stays.
INSERT INTO sync_receipt (local_seq, remote_sequence, body, flaw, received_at)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, $2
FROM json_each($1)
WHERE value ->> 1 IS NOT NULL
ON CONFLICT (local_seq) DO UPDATE
SET remote_sequence = excluded.remote_sequence, body = excluded.body, flaw = excluded.flaw, received_at = excluded.received_at
WHERE sync_receipt.flaw IS NOT NULL
