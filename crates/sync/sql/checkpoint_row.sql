SELECT size, root, seen_at, note FROM sync_checkpoint
