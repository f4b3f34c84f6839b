SELECT outbox.add_partitions()
