INSERT INTO sync_quarantine (stream, sequence, code, reason, raw, leaf, quarantined_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
