UPDATE outbox.log_state
SET log_epoch = log_epoch + $1, changed_at = outbox.now_us(), system_identifier = c.system_identifier::text,
    timeline = p.timeline_id
FROM pg_control_system() c, pg_control_checkpoint() p
RETURNING log_epoch
