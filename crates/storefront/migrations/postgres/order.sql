-- The order service's own tables, beside its outbox in the schema of the service.

CREATE TABLE orders (
    -- order_id of every event of the order.
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Where to write to the customer; NULL if the customer gave none.
    user_email text,
    -- ISO 4217.
    currency text NOT NULL,
    -- What the customer pays, in the currency's smallest unit.
    amount_cents bigint NOT NULL CHECK (amount_cents >= 0),
    -- The three axes of an order, in the words of the contracts' state machine.
    lifecycle text NOT NULL,
    payment text NOT NULL,
    fulfilment text NOT NULL,
    -- The payment that paid it.
    payment_id text,
    -- Microseconds since 1970 UTC.
    created_at bigint NOT NULL DEFAULT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
);

CREATE TABLE order_item (
    order_id bigint NOT NULL REFERENCES orders (id),
    -- 1, 2, 3 within the order.
    place bigint NOT NULL,
    product_id bigint NOT NULL,
    qty bigint NOT NULL CHECK (qty > 0),
    unit_price_cents bigint NOT NULL CHECK (unit_price_cents >= 0),
    PRIMARY KEY (order_id, place)
);

CREATE TABLE stock (
    product_id bigint PRIMARY KEY,
    -- Pieces in the warehouse.
    on_hand bigint NOT NULL CHECK (on_hand >= 0),
    -- Of these, pieces that orders have reserved.
    reserved bigint NOT NULL DEFAULT 0 CHECK (reserved BETWEEN 0 AND on_hand)
);

-- Something to sell, so that a new shop can be tried.
INSERT INTO stock (product_id, on_hand) SELECT number, 1000000 FROM generate_series(1, 10) AS number;
