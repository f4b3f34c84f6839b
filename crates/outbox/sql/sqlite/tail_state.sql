-- Where a reader that begins now stands, and whether this file can have held the place ($1, $2) that another one kept.
SELECT s.log_epoch, CAST(coalesce((SELECT max(id) FROM event_log), 0) AS text), 0,
       coalesce((SELECT max(id) FROM delivery d WHERE d.replay_job IS NOT NULL), 0),
       0 AS standby,
       coalesce(max(CAST($1 AS integer), CAST(coalesce($2, $1) AS integer))
                > coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'event_log'), 0), 0) AS ahead
FROM log_state s
