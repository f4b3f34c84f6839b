//! Shops elsewhere: their webhooks become events of the catalogue, once each, in one transaction.
//!
//! * [`Connector`] is what is particular to a kind of shop, all of it pure: whether a request is genuine, what its headers
//!   say, what its body means. [`shopify`] is the reference.
//! * [`Intake`] is the edge that all connectors share: inbox, what is known of the thing, events, in one transaction.
//!   [`http::router`] serves it.
//! * [`plan`] decides what is written, from what the shop says and what is known: pure.
//! * [`import`] reads a shop from its beginning: `shopify.sync.started`, everything, `shopify.sync.completed`.
//! * [`price`] is the other direction: a price that was changed here is applied, with its audit entry, in one transaction.
//! * [`fixtures`] are recorded requests, to try all of it without a shop.
//!
//! Deliberately absent: calls to a shop's API, and members of a shop's JSON that no contract has (a customer's address in
//! an order, for instance): what is not read cannot leak.
//!
//! To add a kind of shop: a module that implements [`Connector`], recorded requests under `fixtures/`, and a case in
//! `tests/it` that takes every one of them.

#![warn(missing_docs)]

mod connector;
pub mod fixtures;
pub mod http;
pub mod import;
mod intake;
pub mod money;
pub mod plan;
pub mod price;
pub mod shopify;
mod stats;
mod tables;

pub use connector::{Connector, Reading, Refused, Request, Resource, Says, Unreadable};
pub use intake::{Intake, TakeError, Taken};
pub use stats::Stats;
pub use tables::{Tables, migrate};

/// Names ids that follow from something else: `UUIDv5(nil, "stateset:connector")`.
pub(crate) fn namespace() -> uuid::Uuid {
    uuid::Uuid::new_v5(&uuid::Uuid::nil(), b"stateset:connector")
}

/// The guide's code, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/connectors.md")]
struct Guide;
