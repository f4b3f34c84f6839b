-- Which scripts were run.
CREATE TABLE IF NOT EXISTS storefront_migration (name text PRIMARY KEY)
