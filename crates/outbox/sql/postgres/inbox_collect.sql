DELETE FROM outbox.inbox WHERE consumer = $1 AND received_at < outbox.now_us() - $2
