-- The index is named, because the planner would rather walk all batches than sort the few that are unpublished.
SELECT b.batch_id, b.stream_no, b.start_seq, b.end_seq, b.merkle_root, b.previous_state_root, b.state_root, b.chunk_roots,
       b.committed_at, b.log_index,
       s.stream_no, s.tenant_id, s.store_id, s.size, s.root, s.last_at, s.head_key_id, s.head_signature, s.opened_at
FROM batches AS b INDEXED BY batches_unpublished JOIN streams AS s ON s.stream_no = b.stream_no
WHERE b.log_index IS NULL
ORDER BY b.stream_no, b.start_seq LIMIT ?
