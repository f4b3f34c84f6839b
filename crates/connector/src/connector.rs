//! What is particular to one kind of shop.

use axum::http::HeaderMap;
use serde_json::value::RawValue;
use stateset_contracts::instant::Instant;
use stateset_outbox::{Draft, IdempotencyToken};
use uuid::Uuid;

use crate::namespace;

/// One kind of shop. Pure: no clock, no database, no network.
pub trait Connector: Send + Sync + 'static {
    /// A word for paths, metrics and names: `shopify`.
    fn name(&self) -> &'static str;

    /// The topics it understands. Others are genuine requests too, and ignored.
    fn topics(&self) -> &'static [&'static str];

    /// Whether a request is genuine and complete, by its headers and the raw bytes of its body. The signature comes first:
    /// who has none learns nothing else.
    fn admit(&self, headers: &HeaderMap, body: &[u8]) -> Result<Request, Refused>;

    /// What the body means; `None`: the topic is not one of [`Self::topics`], or it says nothing that is kept.
    fn read(&self, request: &Request, body: &[u8]) -> Result<Option<Reading>, Unreadable>;
}

/// What the headers of a genuine request say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Names the request: the same when it is sent again.
    pub id: String,
    /// What happened, in the shop's words: `products/update`.
    pub topic: String,
    /// Which shop: `example.myshopify.com`.
    pub shop: String,
    /// The version of the shop's own API in which the body is written.
    pub api_version: Option<String>,
    /// When the shop sent it for the first time.
    pub triggered_at: Option<Instant>,
}

impl Request {
    /// Stands for it in an inbox: follows from connector, shop and id.
    pub fn uuid(&self, connector: &str) -> Uuid {
        Uuid::new_v5(&namespace(), format!("{connector}\0{}\0{}", self.shop, self.id).as_bytes())
    }

    /// The event key of the event with this number (from 0) that it leads to.
    pub fn token(&self, connector: &str, number: usize) -> IdempotencyToken {
        IdempotencyToken::new(format!("{connector}/{}#{number}", self.uuid(connector)))
    }
}

/// Why a request is not taken, whatever its body says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It may come from anybody.
    #[error("the signature is missing or not of this body under the secret")]
    Signature,
    /// A header that is needed, or has another form than documented.
    #[error("the header {name} {fault}")]
    Header {
        /// Which.
        name: &'static str,
        /// `is missing`, …
        fault: &'static str,
    },
    /// Signed with the secret, but not one of the shops that are expected here.
    #[error("the shop {0} is not one of those that are taken here")]
    Shop(String),
}

/// Why a genuine body means nothing: a member is missing, or has another form than documented. Values are not repeated:
/// they may be personal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{topic}: {why}")]
pub struct Unreadable {
    /// What it should have been.
    pub topic: String,
    /// Which member, and what is wrong with it.
    pub why: String,
}

/// What a body means.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The thing that it is about.
    pub resource: Resource,
    /// What it says of it.
    pub says: Says,
    /// Names that other readings need: item and stock keeping unit.
    pub labels: Vec<(String, String)>,
}

/// A thing of a shop, and how new what is said of it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// `product`, `order`, `stock`, `customer`.
    pub kind: &'static str,
    /// The shop's id of it.
    pub id: String,
    /// When the shop changed it last. What is older than something that was taken before is stale.
    pub at: Instant,
}

/// What a shop says of a thing.
#[derive(Clone, Debug)]
pub enum Says {
    /// These events, as they are.
    Facts(Vec<Draft<Box<RawValue>>>),
    /// So many pieces of an item are there now. Which events that is depends on how many there were.
    Stock {
        /// The shop's id of the item.
        item: String,
        /// Where.
        location: String,
        /// Pieces; below zero when more were sold than there were.
        available: i64,
    },
}
