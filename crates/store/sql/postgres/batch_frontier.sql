SELECT end_seq, state_root FROM batches WHERE stream_no = $1 ORDER BY end_seq DESC LIMIT 1
