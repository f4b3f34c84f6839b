SELECT count(*), coalesce(sum(size), 0)::bigint, pg_database_size(current_database()) FROM streams
