SELECT b.batch_id, b.stream_no, b.start_seq, b.end_seq, b.merkle_root, b.previous_state_root, b.state_root, b.chunk_roots,
       b.committed_at, b.log_index, s.tenant_id, s.store_id
FROM batches AS b JOIN streams AS s USING (stream_no)
WHERE b.batch_id = $1
