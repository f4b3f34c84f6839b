//! A small shop that lives by its events.
//!
//! Four services, in one process or in four: [`order`], [`payment`], [`shipping`], [`notification`]. Each has its own
//! tables, its own outbox in the same database, its own relay and its own consumer, and reads nobody else's tables. They
//! are written as a stranger would: over the public interface of the outbox, the relay, the contracts and the shapes of
//! errors, and nothing else of ours. Follow one of them to write your own.
//!
//! A service is five files: `http` and `consumer` are what people ask and what other services tell, `store` is facts in and
//! out, `rules` decides and is pure, `mod` puts them together. `transport` is what stands between the services, [`serve()`]
//! puts the whole together.
//!
//! Deliberately absent: users and passwords, a basket, real money. `docs/guide/storefront.md` shows how to run it.

#![warn(missing_docs)]

pub mod cli;
pub mod dialect;
mod error;
mod http;
mod incoming;
pub mod notification;
pub mod order;
mod own;
mod own_store;
pub mod payment;
mod serve;
mod settings;
pub mod shipping;
mod status;
mod transport;

pub use error::{ServeError, StartError};
pub use serve::{Storefront, serve};
pub use settings::{KafkaPlace, Place, SequencerPlace, Service, Settings, SmtpPlace, SubjectKeys};
