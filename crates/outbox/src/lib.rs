//! Events written in the transaction of the business change that caused them, and everything an application needs around
//! that: operations with idempotency keys, the storage of deliveries, an inbox for consumers.
//!
//! Deliberately absent: publishing. That is the relay's, through [`delivery::DeliveryStore`]. Also absent: any other crate
//! of ours; this one is adopted alone.
//!
//! To add a statement: one `.sql` file per engine under `sql/`, with the same name; a case in `tests/it/suite`.

#![warn(missing_docs)]

pub mod delivery;
