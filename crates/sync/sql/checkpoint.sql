SELECT note FROM sync_checkpoint
