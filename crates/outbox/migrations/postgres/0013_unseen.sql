-- Which transactions a snapshot has not seen, as ranges of their numbers: those that were running, one each, and all that began
-- later. Read through ranges, the log is read by its index on xid whatever the planner believes of the numbers: after an
-- import in one transaction it believes that any one number is every row's, and would rather read everything.
CREATE FUNCTION outbox.unseen_by(snapshot pg_snapshot) RETURNS TABLE (first xid8, last xid8) LANGUAGE sql STABLE AS $$
    SELECT pg_snapshot_xmax(snapshot), '18446744073709551615'::xid8
    UNION ALL
    SELECT running, running FROM unnest(ARRAY(SELECT pg_snapshot_xip(snapshot))) AS running -- which are guessed to be ten
$$;
