SELECT log_index, stream_no, record FROM log_records WHERE log_index >= ? AND log_index < ? ORDER BY log_index
