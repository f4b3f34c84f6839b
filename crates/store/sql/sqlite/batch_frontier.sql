SELECT end_seq, state_root FROM batches WHERE stream_no = ? ORDER BY end_seq DESC LIMIT 1
