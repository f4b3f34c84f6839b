-- The notification service's own tables, beside its outbox in the service's file.

CREATE TABLE recipient (
    -- The order, as the events name it.
    order_key text PRIMARY KEY,
    -- What it costs: nobody is told that a payment of something else was well received.
    amount_cents integer NOT NULL,
    currency text NOT NULL,
    -- Whom to write to; NULL if the customer gave no address.
    user_email text
) STRICT;

CREATE TABLE mail (
    -- The event that calls for it: at most one mail each.
    event_id text PRIMARY KEY,
    order_key text NOT NULL,
    event_type text NOT NULL,
    recipient text NOT NULL,
    subject text NOT NULL,
    -- When it was decided, microseconds since 1970 UTC.
    queued_at integer NOT NULL DEFAULT (CAST((julianday('now') - 2440587.5) * 86400000000 AS integer)),
    -- When the mail server took it; NULL until then.
    sent_at integer
) STRICT;

CREATE INDEX mail_of_order ON mail (order_key);
