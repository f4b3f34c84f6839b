SELECT log_index, stream_no, record FROM log_records WHERE log_index >= $1 AND log_index < $2 ORDER BY log_index
