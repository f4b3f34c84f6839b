SELECT state, count(*)::bigint FROM outbox.delivery WHERE destination_id = $1 GROUP BY state ORDER BY state
