-- Places of events that a destination has given evidence for, in their order.
SELECT log_id FROM receipt
WHERE destination_id = $1 AND log_id > $2 AND log_id < $3
ORDER BY log_id DESC -- if newest
ORDER BY log_id -- if oldest
LIMIT $4
