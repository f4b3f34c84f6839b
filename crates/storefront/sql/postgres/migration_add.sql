INSERT INTO storefront_migration (name) VALUES ($1) ON CONFLICT DO NOTHING
