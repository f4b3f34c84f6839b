-- SQLite has no roles, hence no policies: the file belongs to one application. The number is PostgreSQL's.
SELECT 1;
