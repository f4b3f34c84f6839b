-- The payment service's own tables, beside its outbox in the service's file.

CREATE TABLE payable (
    -- The order, as the events name it.
    order_key text PRIMARY KEY,
    -- What it costs; NULL until order.created has come.
    amount_cents integer,
    currency text,
    -- From order.created, for the events of its payments.
    user_email text,
    -- expected (order.created has not come yet), open, cancelled, refunded.
    standing text NOT NULL DEFAULT 'expected'
) STRICT;

CREATE TABLE payment (
    payment_id text PRIMARY KEY,
    order_key text NOT NULL REFERENCES payable (order_key),
    amount_cents integer NOT NULL CHECK (amount_cents >= 0),
    currency text NOT NULL,
    -- In the words of the contracts' state machine: succeeded, failed, refunded.
    status text NOT NULL,
    -- The refund, where there was one.
    refund_id text,
    -- Microseconds since 1970 UTC.
    made_at integer NOT NULL DEFAULT (CAST((julianday('now') - 2440587.5) * 86400000000 AS integer))
) STRICT;

CREATE INDEX payment_of_order ON payment (order_key);
