-- Keys that are wrapped by another master key than $1.
SELECT tenant_id, store_id, subject, generation, master_key_id, wrapped_key FROM subject_key
WHERE wrapped_key IS NOT NULL AND master_key_id <> $1 LIMIT $2
