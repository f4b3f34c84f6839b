//! What an event is, how it is ordered, and how anyone checks it.
//!
//! This crate is pure: no input or output, no clock, no environment, no async. Everything it decides follows from its
//! arguments, so every rule can be tested without a database and an auditor can run the same code offline.
//!
//! Where to start reading:
//!
//! * [`envelope`] turns received JSON into a [`event::Candidate`];
//! * [`plan`] gives candidates their places and says what one transaction must write;
//! * [`tree`] holds both trees, [`receipt`] and [`note`] what is signed, [`head_log`] what is published.
//!
//! Deliberately absent: batch signature verification (see [`signature`]), any notion of HTTP, storage or retries.
//!
//! To add a field to an event: [`envelope`] reads it, [`event::Header`] keeps it, `event_hash` decides whether it is bound,
//! and both databases get a column.

#![warn(missing_docs)]

pub mod agent_key;
pub mod bundle;
pub mod bytes;
pub mod clock;
pub mod content;
pub mod domain;
pub mod encryption;
pub mod envelope;
pub mod event;
mod event_hash;
pub mod growth;
pub mod head_log;
pub mod id;
pub mod json;
pub mod key_event;
pub mod limits;
pub mod note;
pub mod plan;
pub mod receipt;
pub mod rejection;
pub mod signature;
pub mod stream;
pub mod tree;
