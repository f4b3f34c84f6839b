SELECT outbox.drop_empty_partitions()
