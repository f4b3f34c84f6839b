-- The shipping service's own tables, beside its outbox in the schema of the service.

CREATE TABLE shipment (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The order, as the events name it: one shipment each.
    order_key text NOT NULL UNIQUE,
    -- What the order costs: a payment of something else does not release the goods.
    amount_cents bigint NOT NULL,
    currency text NOT NULL,
    -- From order.created, for the events of the shipment.
    user_email text,
    -- In the words of the contracts' state machine.
    status text NOT NULL,
    -- Known from the dispatch on.
    carrier text,
    tracking_number text,
    -- Microseconds since 1970 UTC.
    created_at bigint NOT NULL DEFAULT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
);
