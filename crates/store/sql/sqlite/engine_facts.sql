SELECT 'SQLite ' || sqlite_version(), CAST(unixepoch('subsec') * 1000000 AS integer), 'on/on'
