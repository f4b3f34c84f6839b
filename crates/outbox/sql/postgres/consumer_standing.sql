SELECT (SELECT count(*) FROM outbox.held_event WHERE consumer = $1),
       (SELECT outbox.now_us() - min(held_at) FROM outbox.held_event WHERE consumer = $1),
       (SELECT count(*) FROM outbox.quarantine WHERE consumer = $1 AND closed_at IS NULL),
       (SELECT outbox.now_us() - min(quarantined_at) FROM outbox.quarantine WHERE consumer = $1 AND closed_at IS NULL)
