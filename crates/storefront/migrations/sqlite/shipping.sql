-- The shipping service's own tables, beside its outbox in the service's file.

CREATE TABLE shipment (
    id integer PRIMARY KEY AUTOINCREMENT,
    -- The order, as the events name it: one shipment each.
    order_key text NOT NULL UNIQUE,
    -- What the order costs: a payment of something else does not release the goods.
    amount_cents integer NOT NULL,
    currency text NOT NULL,
    -- From order.created, for the events of the shipment.
    user_email text,
    -- In the words of the contracts' state machine.
    status text NOT NULL,
    -- Known from the dispatch on.
    carrier text,
    tracking_number text,
    -- Microseconds since 1970 UTC.
    created_at integer NOT NULL DEFAULT (CAST((julianday('now') - 2440587.5) * 86400000000 AS integer))
) STRICT;
