SELECT owner, count(*)::bigint FROM outbox.delivery_cursor
WHERE destination_id = $1 AND lease_until > outbox.now_us() AND owner IS NOT NULL
GROUP BY owner ORDER BY owner
