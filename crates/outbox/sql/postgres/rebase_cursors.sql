-- Whoever held a lease has lost it. Events up to $3 belong to older epochs: they are read by id, from $2 on.
UPDATE outbox.delivery_cursor
SET log_epoch = $1, prev = pg_current_snapshot(), cur = NULL, last_id = 0, redeliver_from = $2, redeliver_upto = $3,
    owner = NULL, epoch = epoch + 1, lease_until = 0, claim_snapshot = NULL, claim_upto = NULL
