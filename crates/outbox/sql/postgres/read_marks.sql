-- What was delivered lately: events and when, per destination, from the marks that are still kept.
SELECT destination_id, sum(events)::bigint, max(at) FROM outbox.delivery_mark WHERE at >= $1 GROUP BY destination_id
