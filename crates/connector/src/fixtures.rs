//! Recorded requests and pages, written by us in the shape of the shop's public documentation: to try a connector without
//! a shop, and to test it.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::import::{Page, PageKind};
use crate::shopify::Shopify;

/// A request as it was recorded, without its signature.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// Its topic.
    pub topic: String,
    /// Names it.
    pub webhook_id: String,
    /// The shop.
    pub shop: String,
    /// The API's version.
    pub api_version: String,
    /// When it was sent first.
    pub triggered_at: String,
    body: Box<RawValue>,
}

impl Recorded {
    /// The raw body: what is signed.
    pub fn body(&self) -> &[u8] {
        self.body.get().as_bytes()
    }

    /// The headers that a shop sends with it, signed as `shopify`'s shops sign.
    pub fn headers(&self, shopify: &Shopify) -> [(&'static str, String); 6] {
        [
            ("x-shopify-hmac-sha256", shopify.sign(self.body())),
            ("x-shopify-topic", self.topic.clone()),
            ("x-shopify-shop-domain", self.shop.clone()),
            ("x-shopify-webhook-id", self.webhook_id.clone()),
            ("x-shopify-api-version", self.api_version.clone()),
            ("x-shopify-triggered-at", self.triggered_at.clone()),
        ]
    }
}

const SHOPIFY: [&str; 8] = [
    include_str!("../fixtures/shopify/01_products_create.json"),
    include_str!("../fixtures/shopify/02_inventory_levels_first.json"),
    include_str!("../fixtures/shopify/03_customers_create.json"),
    include_str!("../fixtures/shopify/04_orders_create.json"),
    include_str!("../fixtures/shopify/05_orders_paid.json"),
    include_str!("../fixtures/shopify/06_inventory_levels_update.json"),
    include_str!("../fixtures/shopify/07_products_update.json"),
    include_str!("../fixtures/shopify/08_themes_publish.json"),
];

/// A day of a Shopify shop, in order: a product, its stock, a customer, an order that is paid, and a topic that nobody
/// understands.
pub fn shopify() -> Vec<Recorded> {
    SHOPIFY.iter().map(|text| serde_json::from_str(text).expect("a fixture is JSON; a test reads them all")).collect()
}

/// The pages of the same shop as its API gives them: three products, two orders.
pub fn shopify_pages() -> Vec<Page> {
    let page = |kind, text: &str| Page { kind, body: text.as_bytes().to_vec() };
    vec![
        page(PageKind::Products, include_str!("../fixtures/shopify/pages/products_1.json")),
        page(PageKind::Products, include_str!("../fixtures/shopify/pages/products_2.json")),
        page(PageKind::Orders, include_str!("../fixtures/shopify/pages/orders_1.json")),
    ]
}
