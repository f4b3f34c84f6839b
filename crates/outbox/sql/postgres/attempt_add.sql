INSERT INTO outbox.attempt (delivery_id, number, started_at, duration_us, outcome, class, error, worker, epoch)
VALUES ($1, (SELECT coalesce(max(number), 0) + 1 FROM outbox.attempt WHERE delivery_id = $1), outbox.now_us() - $2, $3, $4, $5,
        $6, $7, $8)
