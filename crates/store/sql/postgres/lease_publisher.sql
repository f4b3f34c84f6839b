UPDATE log_state
SET owner = $1, lease_until = $3, epoch = CASE WHEN owner = $1 THEN epoch ELSE epoch + 1 END
WHERE id = 1 AND (owner = $1 OR lease_until <= $2)
RETURNING epoch
