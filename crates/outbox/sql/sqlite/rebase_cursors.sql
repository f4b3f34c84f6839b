-- Whoever held a lease has lost it. Ids are read in order, so that going back is all there is to it.
UPDATE delivery_cursor
SET log_epoch = $1, prev = min($2, $3), cur = NULL, last_id = 0, owner = NULL, epoch = epoch + 1, lease_until = 0,
    claim_snapshot = NULL, claim_upto = NULL
