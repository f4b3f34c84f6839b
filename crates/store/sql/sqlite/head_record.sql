SELECT r.log_index, r.stream_no, r.record
FROM logged_heads AS h JOIN log_records AS r USING (log_index)
WHERE h.stream_no = ?
