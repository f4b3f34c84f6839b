-- The fields of these events (a JSON array of ids), with their keys; without one: erased.
SELECT d.tenant_id, d.store_id, d.event_id, d.field, d.subject, d.generation, d.sealed, k.master_key_id, k.wrapped_key
FROM outbox.subject_data d
LEFT JOIN outbox.subject_key k ON k.tenant_id = d.tenant_id AND k.store_id = d.store_id AND k.subject = d.subject
    AND k.generation = d.generation
WHERE d.event_id = ANY (ARRAY(SELECT value::uuid FROM jsonb_array_elements_text($1::text::jsonb)))
