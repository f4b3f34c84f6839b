UPDATE batches AS b SET log_index = logged.log_index
FROM unnest($1::uuid[], $2::bigint[]) AS logged(batch_id, log_index)
WHERE b.batch_id = logged.batch_id
