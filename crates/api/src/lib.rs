//! JSON shapes and error codes of the HTTP API: what clients of any language meet.
//!
//! Deliberately absent: handlers, databases, rules. A handler of the service converts a request from here into domain
//! values, calls one function, and converts back. Field names are the published ones: `/api/v1/ves/…` bodies are
//! camelCase where the published clients expect it, envelopes and everything else are in snake case.
//!
//! To add an error: one line in [`code`], which is also the documentation's table. Exit codes are in [`exit`].

#![warn(missing_docs)]

pub mod api_keys;
pub mod code;
pub mod enrolment;
pub mod event;
pub mod exit;
pub mod ingest;
pub mod keys;
pub mod problem;
pub mod proof;
pub mod schemas;
