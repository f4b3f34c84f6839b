-- The payment service's own tables, beside its outbox in the schema of the service.

CREATE TABLE payable (
    -- The order, as the events name it.
    order_key text PRIMARY KEY,
    -- What it costs; NULL until order.created has come.
    amount_cents bigint,
    currency text,
    -- From order.created, for the events of its payments.
    user_email text,
    -- expected (order.created has not come yet), open, cancelled, refunded.
    standing text NOT NULL DEFAULT 'expected'
);

CREATE TABLE payment (
    payment_id text PRIMARY KEY,
    order_key text NOT NULL REFERENCES payable (order_key),
    amount_cents bigint NOT NULL CHECK (amount_cents >= 0),
    currency text NOT NULL,
    -- In the words of the contracts' state machine: succeeded, failed, refunded.
    status text NOT NULL,
    -- The refund, where there was one.
    refund_id text,
    -- Microseconds since 1970 UTC.
    made_at bigint NOT NULL DEFAULT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
);

CREATE INDEX payment_of_order ON payment (order_key);
