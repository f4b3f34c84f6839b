//! The sequencer service: signed events in, one gapless, provable order out.
//!
//! Where to start reading: [`server`] puts the parts together; [`append`] is the way of an event into the log; `publish` and
//! `commit` make it provable; `http` is one handler per route: extract, convert, call, convert.
//!
//! Deliberately absent: rules about events (they are in `stateset_ledger::plan`), SQL (`stateset_store`), JSON shapes and
//! error codes (`stateset_api`).
//!
//! To add a route: a handler in the file of its subject under `http/`, a line in `http::router`, a line in `http::openapi::operations`, and
//! `cargo xtask codegen`.

pub mod admin;
pub mod agent_keys;
pub mod append;
pub mod clock;
pub mod commit;
pub mod config;
pub mod connection;
pub mod edge;
pub mod fail_point;
pub mod http;
pub mod identity;
pub mod keyring;
pub mod log_tiles;
pub mod metrics;
pub mod payload;
pub mod proofs;
pub mod publish;
pub mod read;
pub mod schemas;
pub mod server;
pub mod service;
pub mod signing;
pub mod startup;
pub mod tasks;
pub mod telemetry;
pub mod tile_cache;
pub mod tls;
pub mod verdict;
