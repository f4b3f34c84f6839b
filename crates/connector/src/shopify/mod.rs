//! Shopify's webhooks, as its public documentation describes them.
//!
//! A request is genuine if `X-Shopify-Hmac-Sha256` is the base64 of HMAC-SHA-256 over the raw body under the app's secret.
//! `X-Shopify-Webhook-Id` names it: the shop sends a request that was not answered with 2xx again, under the same id, and
//! may send one twice anyway. Nothing is promised about order; `updated_at` of the thing itself decides what is newer.
//!
//! | topic | event |
//! |---|---|
//! | `products/create`, `products/update` | `shopify.sync.product` |
//! | `orders/create`, `orders/updated`, `orders/paid`, `orders/cancelled`, `orders/fulfilled` | `shopify.sync.order` |
//! | `inventory_levels/update`, `inventory_levels/connect` | `inventory.initialized`, then `inventory.adjusted` |
//! | `customers/create`, `customers/update` | `customer.created`, `customer.updated` (personal members beside the log) |
//! | any other | none: answered with 200 and counted |

mod headers;
mod map;
mod signature;
mod wire;

use axum::http::HeaderMap;

use crate::connector::{Connector, Reading, Refused, Request, Unreadable};

pub use map::{order, product};
pub use signature::{NoSecret, Secrets};

/// Its name in paths and keys.
pub const NAME: &str = "shopify";

/// A Shopify app's webhooks.
#[derive(Clone, Debug)]
pub struct Shopify {
    secrets: Secrets,
    shops: Vec<String>,
    currency: Option<String>,
}

impl Shopify {
    /// Takes the requests of every shop that signs with the secret.
    pub fn new(secrets: Secrets) -> Self {
        Self { secrets, shops: Vec::new(), currency: None }
    }

    /// Only of these shops: `example.myshopify.com`.
    #[must_use]
    pub fn only(mut self, shops: impl IntoIterator<Item = String>) -> Self {
        self.shops = shops.into_iter().map(|shop| shop.to_ascii_lowercase()).collect();
        self
    }

    /// The currency of the shop's prices (ISO 4217), which products do not name. Without it their prices are left out.
    #[must_use]
    pub fn in_currency(mut self, currency: impl Into<String>) -> Self {
        self.currency = Some(currency.into());
        self
    }

    /// As it was said.
    pub fn currency(&self) -> Option<&str> {
        self.currency.as_deref()
    }

    /// What a shop would send as the signature of `body`: for fixtures.
    pub fn sign(&self, body: &[u8]) -> String {
        self.secrets.sign(body)
    }
}

impl Connector for Shopify {
    fn name(&self) -> &'static str {
        NAME
    }

    fn topics(&self) -> &'static [&'static str] {
        map::TOPICS
    }

    fn admit(&self, headers: &HeaderMap, body: &[u8]) -> Result<Request, Refused> {
        let signature = headers.get(headers::SIGNATURE).ok_or(Refused::Signature)?;
        if !self.secrets.verify(signature.as_bytes(), body) {
            return Err(Refused::Signature);
        }
        let request = headers::read(headers)?;
        if self.shops.is_empty() || self.shops.contains(&request.shop) {
            return Ok(request);
        }
        Err(Refused::Shop(request.shop))
    }

    fn read(&self, request: &Request, body: &[u8]) -> Result<Option<Reading>, Unreadable> {
        map::read(request, body, self.currency())
    }
}
