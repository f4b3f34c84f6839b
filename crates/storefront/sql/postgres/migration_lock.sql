-- Held while migrating, so that processes which start at once do it one after the other.
SELECT pg_advisory_xact_lock(hashtextextended('stateset-storefront ' || current_schema(), 0))::text
