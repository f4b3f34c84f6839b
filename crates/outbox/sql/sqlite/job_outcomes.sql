SELECT state, count(*) FROM delivery WHERE replay_job = $1 GROUP BY state ORDER BY state
