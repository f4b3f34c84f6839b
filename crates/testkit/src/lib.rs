//! Real servers, databases and clients for the tests and the load generator.
//!
//! - [`postgres`]: a throw-away PostgreSQL cluster per test process, a fresh database per test.
//! - [`server`]: the real server binary as a child process, to be killed and started again.
//! - [`http`]: a small HTTP/1.1 client that says whether a failed request may have been processed.
//! - [`kafka`]: a real Apache Kafka broker as a child process.
//! - [`promtool`]: checks alert rules.
//! - [`sequencer`]: that server for the tests of other crates, built if need be, with fixed keys.
//! - [`smtp`]: a mail server that keeps what it is given.
//! - [`ves`]: an agent that signs events and registers its key.
//!
//! Nothing here imports the code under test. The agent hashes and signs by the written rules, from
//! public cryptography alone, so a mistake in the `ledger` crate cannot hide behind the same mistake here.
//! There are no mocks and no skips: what is missing is an error.

pub mod http;
pub mod kafka;
pub mod postgres;
pub mod promtool;
pub mod sequencer;
pub mod server;
pub mod smtp;
pub mod ves;

pub mod environment;
mod port;

pub use port::free_port;
