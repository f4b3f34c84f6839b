-- $1 now, $2 the contradiction; the first one of its kind is kept until it is cleared.
INSERT INTO sync_fork (found_at, fork)
SELECT $1, $2
WHERE NOT EXISTS (SELECT 1 FROM sync_fork
                  WHERE cleared_at IS NULL AND json_extract(fork, '$.of') = json_extract($2, '$.of')
                    AND json_extract(fork, '$.kind') = json_extract($2, '$.kind'))
