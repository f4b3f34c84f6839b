-- The notification service's own tables, beside its outbox in the schema of the service.

CREATE TABLE recipient (
    -- The order, as the events name it.
    order_key text PRIMARY KEY,
    -- What it costs: nobody is told that a payment of something else was well received.
    amount_cents bigint NOT NULL,
    currency text NOT NULL,
    -- Whom to write to; NULL if the customer gave no address.
    user_email text
);

CREATE TABLE mail (
    -- The event that calls for it: at most one mail each.
    event_id text PRIMARY KEY,
    order_key text NOT NULL,
    event_type text NOT NULL,
    recipient text NOT NULL,
    subject text NOT NULL,
    -- When it was decided, microseconds since 1970 UTC.
    queued_at bigint NOT NULL DEFAULT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
    -- When the mail server took it; NULL until then.
    sent_at bigint
);

CREATE INDEX mail_of_order ON mail (order_key);
