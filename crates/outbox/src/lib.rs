//! Events written in the transaction of the business change that caused them, and everything an application needs around
//! that: operations with idempotency keys, the storage of deliveries, an inbox for consumers.
//!
//! Start with [`Outbox`]. Its verbs run on the caller's own transaction, on PostgreSQL or SQLite, so that an event exists
//! if and only if the change does. The tables are a contract too: `migrations/` documents every column, and programs in
//! other languages may read and write them.
//!
//! Deliberately absent: publishing. That is the relay's, through [`delivery::DeliveryStore`]. Also absent: any other crate
//! of ours, unless the feature `contracts` is on; this one is adopted alone.
//!
//! To add a statement: one `.sql` file per engine under `sql/`, with the same name; a case in `tests/it/suite`.

#![warn(missing_docs)]

pub mod archive;
mod audit;
#[cfg(feature = "axum")]
pub mod axum;
pub mod consumer;
#[cfg(feature = "contracts")]
pub mod contracts;
pub mod delivery;
mod display_id;
mod draft;
mod engine;
mod event;
pub mod explain;
pub mod filter;
mod hint;
mod inbox;
pub mod integrity;
pub mod job;
mod migrate;
mod operation;
mod outbox;
#[cfg(feature = "postgres")]
mod postgres;
pub mod read;
mod replay;
mod schema;
mod scope;
mod shard;
mod sql;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(feature = "personal")]
pub mod subject;
mod tail;
mod write;

pub use audit::{AuditEntry, AuditFilter};
pub use draft::{Draft, Entity, Fact};
pub use engine::Engine;
pub use event::{Event, EventId, EventStatus, EventType, IdempotencyToken, Payload};
pub use inbox::{MOST_PERMUTED, Receipt, permutations};
pub use migrate::{MigrationState, MigrationStep};
pub use operation::{Claim, Command, KeyRecord, KeyStatus, Operation, OperationError, OperationPolicy, StoredResponse};
pub use outbox::Outbox;
pub use replay::ReplayFilter;
pub use schema::{InvalidSchema, Schema};
pub use scope::Scope;
pub use shard::shard;
#[cfg(feature = "sqlite")]
pub use sqlite::sqlite_pool;
pub use tail::{NotACursor, TailCursor, TailListener, TailPage, TailStart};
pub use write::{AddOutcome, Facts, IdempotencyStrategy, InvalidEvent, OnConflict, StrategyError, WriteError, Written};

/// Lower-case hexadecimal.
fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0'))
        .collect()
}

/// The guide's code, compiled.
#[cfg(all(doctest, feature = "axum", feature = "personal", feature = "postgres"))]
#[doc = include_str!("../../../docs/guide/outbox.md")]
struct Guide;
