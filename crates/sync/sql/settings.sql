SELECT name, value FROM sync_setting
