DELETE FROM outbox.delivery WHERE id IN (
    SELECT id FROM outbox.delivery
    WHERE finished_at < outbox.now_us() - $1 AND state <> 'dead' ORDER BY finished_at LIMIT $2)
