SELECT id, at, actor, action, subject, before, after, reason, job_id FROM audit
WHERE tenant_id = $1 AND store_id = $2 AND id < $3
  AND actor = $4 -- if actor
  AND action = $5 -- if action
  AND subject = $6 -- if subject
  AND job_id = $7 -- if job
  AND at >= $8 -- if since
  AND at < $9 -- if until
ORDER BY id DESC LIMIT $10
