-- The order service's own tables, beside its outbox in the service's file.

CREATE TABLE orders (
    -- order_id of every event of the order.
    id integer PRIMARY KEY AUTOINCREMENT,
    -- Where to write to the customer; NULL if the customer gave none.
    user_email text,
    -- ISO 4217.
    currency text NOT NULL,
    -- What the customer pays, in the currency's smallest unit.
    amount_cents integer NOT NULL CHECK (amount_cents >= 0),
    -- The three axes of an order, in the words of the contracts' state machine.
    lifecycle text NOT NULL,
    payment text NOT NULL,
    fulfilment text NOT NULL,
    -- The payment that paid it.
    payment_id text,
    -- Microseconds since 1970 UTC.
    created_at integer NOT NULL DEFAULT (CAST((julianday('now') - 2440587.5) * 86400000000 AS integer))
) STRICT;

CREATE TABLE order_item (
    order_id integer NOT NULL REFERENCES orders (id),
    -- 1, 2, 3 within the order.
    place integer NOT NULL,
    product_id integer NOT NULL,
    qty integer NOT NULL CHECK (qty > 0),
    unit_price_cents integer NOT NULL CHECK (unit_price_cents >= 0),
    PRIMARY KEY (order_id, place)
) STRICT;

CREATE TABLE stock (
    product_id integer PRIMARY KEY,
    -- Pieces in the warehouse.
    on_hand integer NOT NULL CHECK (on_hand >= 0),
    -- Of these, pieces that orders have reserved.
    reserved integer NOT NULL DEFAULT 0 CHECK (reserved BETWEEN 0 AND on_hand)
) STRICT;

-- Something to sell, so that a new shop can be tried.
INSERT INTO stock (product_id, on_hand)
WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 10)
SELECT n, 1000000 FROM number;
