-- What there is of a subject, and how much of it can be read.
SELECT count(DISTINCT d.event_id), count(*), count(k.wrapped_key)
FROM subject_data d
LEFT JOIN subject_key k ON k.tenant_id = d.tenant_id AND k.store_id = d.store_id AND k.subject = d.subject
    AND k.generation = d.generation
WHERE d.tenant_id = $1 AND d.store_id = $2 AND d.subject = $3
