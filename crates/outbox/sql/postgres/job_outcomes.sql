SELECT state, count(*)::bigint FROM outbox.delivery WHERE replay_job = $1 GROUP BY state ORDER BY state
