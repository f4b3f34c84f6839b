-- Places of events that have a row for a delivery in a state at a destination, in their order. The range of pairs has one
-- index only; see read_events.sql.
SELECT log_id FROM outbox.delivery
WHERE destination_id = $1 AND (state, log_id) > ((SELECT $2), $3) AND (state, log_id) < ((SELECT $2), $4)
  AND tenant_id = $5 AND store_id = $6
ORDER BY state DESC, log_id DESC -- if newest
ORDER BY state, log_id -- if oldest
LIMIT $7
