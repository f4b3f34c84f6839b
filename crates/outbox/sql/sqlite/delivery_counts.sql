SELECT state, count(*) FROM delivery WHERE destination_id = $1 GROUP BY state ORDER BY state
