-- What a connector must remember between two requests of a shop, and the prices that are in force there.

-- Things of shops elsewhere: how new the last word about each is.
CREATE TABLE IF NOT EXISTS connector_resource (
    tenant_id  blob NOT NULL,
    store_id   blob NOT NULL,
    connector  text NOT NULL, -- shopify
    shop       text NOT NULL, -- example.myshopify.com
    kind       text NOT NULL, -- product, order, stock, customer, item
    id         text NOT NULL, -- the shop's; of a stock: item and location
    changed_at integer,       -- microseconds since 1970 UTC, by the shop's clock; what is older is stale
    amount     integer,       -- of a stock: pieces
    label      text,          -- of an item: its stock keeping unit
    PRIMARY KEY (tenant_id, store_id, connector, shop, kind, id)
) STRICT;

-- Prices as they are in force. A row changes only in the transaction that writes pricechange.applied and its audit entry.
CREATE TABLE IF NOT EXISTS connector_price (
    tenant_id   blob    NOT NULL,
    store_id    blob    NOT NULL,
    product_id  integer NOT NULL,
    price_cents integer NOT NULL CHECK (price_cents >= 0),
    currency    text    NOT NULL,
    changed_by  blob    NOT NULL, -- the event that asked for it
    PRIMARY KEY (tenant_id, store_id, product_id)
) STRICT;
