SELECT b.batch_id, b.stream_no, b.start_seq, b.end_seq, b.merkle_root, b.previous_state_root, b.state_root, b.chunk_roots,
       b.committed_at, b.log_index
FROM batches AS b
WHERE b.stream_no = ? AND b.end_seq >= ?
ORDER BY b.end_seq LIMIT ?
