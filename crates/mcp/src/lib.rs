//! The event log for AI agents: tools over the Model Context Protocol, on standard input and output or over HTTP.
//!
//! [`Server`] answers; [`Server::stdio`] and [`Server::http`] are the two ways to reach it. What is asked goes to
//! `stateset_inspect`, so an agent gets the same answer as a person at the command line. `tools/` has one file per subject,
//! and `tool` the table of all of them.
//!
//! What an agent may do is decided in one place, `gate`: a change is made only if the operator started the server with
//! `apply`, the call says `apply: true`, and, for changes of many things, the call names the plan of a fresh preview of the
//! very same arguments. Everything else is a preview, which says `NOT EXECUTED` and changes nothing.
//!
//! Deliberately absent: a way to name a tenant or store (the server's source has one of each), sessions (every request
//! stands for itself, so a restart is not noticed), and rules about events.
//!
//! To add a tool: a type with its arguments and its answer under `tools/`, a line in the table of `tool`, a line in
//! `skills/commerce-events/SKILL.md`, and a call in `scripts/mcp`, which knows every tool.

#![warn(missing_docs)]

mod arguments;
mod gate;
mod http;
mod outcome;
mod plan;
mod server;
mod storefront;
mod tool;
mod tools;

pub use http::{BearerToken, HttpSettings};
pub use server::{Server, Settings};

/// The operation under which the storefront keeps the keys of `create_order`.
pub const CREATE_ORDER: &str = "create_order";
