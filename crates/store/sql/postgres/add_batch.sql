-- Only right behind the last batch, on its state root, and within the stream.
INSERT INTO batches (batch_id, stream_no, start_seq, end_seq, merkle_root, previous_state_root, state_root, chunk_roots,
                     committed_at)
SELECT $1, $2::bigint, $3, $4::bigint, $5, $6, $7, $8, $9
WHERE coalesce((SELECT max(end_seq) FROM batches WHERE stream_no = $2), 0) = $3::bigint - 1
  AND coalesce((SELECT state_root FROM batches WHERE stream_no = $2 ORDER BY end_seq DESC LIMIT 1), $10) = $6
  AND (SELECT size FROM streams WHERE stream_no = $2) >= $4
