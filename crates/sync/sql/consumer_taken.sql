INSERT INTO sync_consumer (consumer, sequence) VALUES ($1, $2)
ON CONFLICT (consumer) DO UPDATE SET sequence = max(sequence, excluded.sequence)
