SELECT owner, count(*) FROM delivery_cursor
WHERE destination_id = $1 AND lease_until > CAST((julianday('now') - 2440587.5) * 86400000000 AS integer) AND owner IS NOT NULL
GROUP BY owner ORDER BY owner
