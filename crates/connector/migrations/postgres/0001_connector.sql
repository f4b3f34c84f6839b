-- What a connector must remember between two requests of a shop, and the prices that are in force there.
CREATE SCHEMA IF NOT EXISTS connector;

-- Things of shops elsewhere: how new the last word about each is.
CREATE TABLE IF NOT EXISTS connector.resource (
    tenant_id  uuid   NOT NULL,
    store_id   uuid   NOT NULL,
    connector  text   COLLATE "C" NOT NULL, -- shopify
    shop       text   COLLATE "C" NOT NULL, -- example.myshopify.com
    kind       text   COLLATE "C" NOT NULL, -- product, order, stock, customer, item
    id         text   COLLATE "C" NOT NULL, -- the shop's; of a stock: item and location
    changed_at bigint,                      -- microseconds since 1970 UTC, by the shop's clock; what is older is stale
    amount     bigint,                      -- of a stock: pieces
    label      text   COLLATE "C",          -- of an item: its stock keeping unit
    PRIMARY KEY (tenant_id, store_id, connector, shop, kind, id)
);

-- Prices as they are in force. A row changes only in the transaction that writes pricechange.applied and its audit entry.
CREATE TABLE IF NOT EXISTS connector.price (
    tenant_id   uuid   NOT NULL,
    store_id    uuid   NOT NULL,
    product_id  bigint NOT NULL,
    price_cents bigint NOT NULL CHECK (price_cents >= 0),
    currency    text   COLLATE "C" NOT NULL,
    changed_by  uuid   NOT NULL, -- the event that asked for it
    PRIMARY KEY (tenant_id, store_id, product_id)
);
