SELECT version(), (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
       current_setting('fsync') || '/' || current_setting('synchronous_commit')
