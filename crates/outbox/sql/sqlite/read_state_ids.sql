-- Places of events that have a row for a delivery in a state at a destination, in their order.
SELECT log_id FROM delivery INDEXED BY delivery_by_state
WHERE destination_id = $1 AND state = $2 AND log_id > $3 AND log_id < $4
  AND tenant_id = $5 AND store_id = $6
ORDER BY log_id DESC -- if newest
ORDER BY log_id -- if oldest
LIMIT $7
