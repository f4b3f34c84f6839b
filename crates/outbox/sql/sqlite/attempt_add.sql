INSERT INTO attempt (delivery_id, number, started_at, duration_us, outcome, class, error, worker, epoch)
VALUES ($1, (SELECT coalesce(max(number), 0) + 1 FROM attempt WHERE delivery_id = $1), CAST((julianday('now') - 2440587.5) * 86400000000 AS integer) - $2, $3, $4, $5,
        $6, $7, $8)
