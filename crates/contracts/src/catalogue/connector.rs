//! `shopify.sync.*`: what a connector reads from a shop elsewhere.

use super::{Family, OrderKey};
use crate::declare::contracts;
use crate::scalar::{Cents, Code, Count, Currency, DateTime, Id, Number};

const CONNECTOR: Family = Family { entity: "shop", topic: None, order_key: OrderKey::None, title: "Connectors" };

contracts! { CONNECTORS: CONNECTOR;
    /// A shop is being read.
    "shopify.sync.started" version 1 => ShopifySyncStarted {
        /// The shop's domain.
        shop: Id,
        /// This run.
        sync_id: Id,
        /// From when on, if not from the beginning.
        since: Option<DateTime>,
    } { user_email: Absent, aliases: [], id: shop, example: r#"{"shop":"example.myshopify.com","sync_id":"sync_1"}"# }

    /// A product as the shop has it.
    "shopify.sync.product" version 1 => ShopifySyncProduct {
        /// The shop's domain.
        shop: Id,
        /// The shop's id of it.
        external_id: Id,
        /// What it is called.
        title: String,
        /// The shop's own words for its state.
        status: Option<String>,
        /// Price of one piece of the first variant.
        price_cents: Option<Cents>,
        /// Of the price.
        currency: Option<Currency>,
    } {
        user_email: Absent,
        aliases: [],
        id: shop,
        example: r#"{"shop":"example.myshopify.com","external_id":"632910392","title":"Mug","status":"active","price_cents":12999,"currency":"USD"}"#
    }

    /// An order as the shop has it.
    "shopify.sync.order" version 1 => ShopifySyncOrder {
        /// The shop's domain.
        shop: Id,
        /// The shop's id of it.
        external_id: Id,
        /// The number the customer sees.
        number: Option<Number>,
        /// What the customer pays.
        amount_cents: Cents,
        /// Of the amount.
        currency: Currency,
    } {
        user_email: Absent,
        aliases: [],
        id: shop,
        example: r#"{"shop":"example.myshopify.com","external_id":"450789469","number":1001,"amount_cents":25998,"currency":"USD"}"#
    }

    /// The shop was read to its end.
    "shopify.sync.completed" version 1 => ShopifySyncCompleted {
        /// The shop's domain.
        shop: Id,
        /// The run.
        sync_id: Id,
        /// Products that were read.
        products: Count,
        /// Orders that were read.
        orders: Count,
    } { user_email: Absent, aliases: [], id: shop, example: r#"{"shop":"example.myshopify.com","sync_id":"sync_1","products":12,"orders":3}"# }

    /// The shop could not be read to its end.
    "shopify.sync.failed" version 1 => ShopifySyncFailed {
        /// The shop's domain.
        shop: Id,
        /// The run.
        sync_id: Id,
        /// Why, for people.
        reason: String,
        /// Why, for programs.
        code: Code,
    } { user_email: Absent, aliases: [], id: shop, example: r#"{"shop":"example.myshopify.com","sync_id":"sync_1","reason":"The shop answered 429","code":"rate_limited"}"# }
}
