INSERT INTO outbox.subject_data (tenant_id, store_id, event_id, field, subject, generation, sealed)
VALUES ($1, $2, $3, $4, $5, $6, $7)
