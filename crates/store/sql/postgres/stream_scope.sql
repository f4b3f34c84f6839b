SELECT tenant_id, store_id FROM streams WHERE stream_no = $1
