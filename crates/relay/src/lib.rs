//! From the outbox to its destinations: in order per key, retried, never lost.
//!
//! Read facts, decide purely, write one plan. The decisions are the pure modules:
//!
//! * [`lane`]: what is sent, and what the answers mean;
//! * [`delivery`]: the states of one delivery;
//! * [`backoff`], [`breaker`]: when something is tried again;
//! * [`policy`]: what a route wants done with failures.
//!
//! Destinations are [`sink`]s; the module says what they promise and how to add one.
//!
//! The other side, a consumer of Kafka topics, is `consumer` (feature `kafka`).
//!
//! [`engine`] is the worker around them; it drives the outbox's storage contract.
//!
//! Deliberately absent: SQL (the outbox has it), and any rule that looks at a payload.

#![warn(missing_docs)]

pub mod backoff;
pub mod breaker;
pub mod clock;
#[cfg(feature = "kafka")]
pub mod consumer;
pub mod contract;
pub mod delivery;
pub mod engine;
#[cfg(feature = "health")]
pub mod health;
mod http_status;
#[cfg(feature = "kafka")]
pub mod kafka;
pub mod lane;
pub mod latency;
pub mod metrics;
pub mod policy;
pub mod reconcile;
pub mod record;
pub mod secret;
pub mod sink;
mod task;

/// The guides' code, compiled (R08: examples that are shown are examples that build).
#[cfg(all(doctest, feature = "kafka", feature = "health", feature = "testing"))]
mod guides {
    #[doc = include_str!("../../../docs/guide/relay.md")]
    struct Relay;
    #[doc = include_str!("../../../docs/guide/consume.md")]
    struct Consume;
}
