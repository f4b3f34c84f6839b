//! The sequencer's storage contract and its three implementations.
//!
//! [`Store`] is what the service needs of a database, as verbs of the domain. [`memory`] is the oracle: the shortest code
//! that is right. [`sqlite`] and [`postgres`] hold the same contract in each engine's own SQL, under `sql/`, with one file
//! per statement and the same file names. All three pass one suite (`suite`), under injected faults too.
//!
//! Deliberately absent: rules. What is a duplicate, which key may sign, what comes first is decided by
//! [`stateset_ledger::plan`]; a store commits a plan if the stream has not moved, and nothing else. Also absent: payload
//! plaintext (the service seals payloads before they come here).
//!
//! To add a verb: a method on [`Store`] whose comment states atomicity, durability and visibility; the memory version; one
//! `.sql` file per engine; a case in the suite.

#![warn(missing_docs)]

pub mod api_key;
pub mod append;
pub mod batch;
mod contract;
pub mod error;
pub mod head_log;
pub mod maintenance;
pub mod memory;
pub mod postgres;
mod raw;
pub mod read;
mod row;
pub mod schema;
pub mod sizes;
pub mod sqlite;
pub mod stream;
pub mod tenancy;
mod tree_rows;
mod verbs;

pub use contract::{Found, Store};
pub use error::StoreError;
