SELECT sent_at FROM mail WHERE event_id = $1
