-- Whether the tables of an agent's machine are there.
SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'sync_setting'
