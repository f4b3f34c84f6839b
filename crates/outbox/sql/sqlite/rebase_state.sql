UPDATE log_state SET log_epoch = log_epoch + $1, changed_at = CAST((julianday('now') - 2440587.5) * 86400000000 AS integer) RETURNING log_epoch
