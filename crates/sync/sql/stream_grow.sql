-- Stream $1 goes on from $2 to $3 events, if it still has $2.
UPDATE sync_stream SET size = $3, frontier = $4 WHERE stream = $1 AND size = $2
