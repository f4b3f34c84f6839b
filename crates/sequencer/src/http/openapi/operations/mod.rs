//! Every operation of the API: [`data`] is about events and their proofs, [`manage`] about all the rest.

mod build;
mod data;
mod manage;

use crate::identity::Permission;

/// What a successful reply holds.
#[derive(Clone, Copy, Debug)]
pub enum Reply {
    /// JSON of this schema.
    Json(&'static str),
    /// Another media type.
    Other(&'static str),
}

/// One method of one path.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// Unique name.
    pub id: &'static str,
    /// Lower-case method.
    pub method: &'static str,
    /// Path with `{parameters}`.
    pub path: &'static str,
    /// What it does.
    pub summary: &'static str,
    /// Group.
    pub tag: &'static str,
    /// Whether it needs no credential.
    pub public: bool,
    /// What the credential must permit.
    pub permission: Option<Permission>,
    /// Names in the table of parameters.
    pub parameters: &'static [&'static str],
    /// Schema of the body.
    pub body: Option<&'static str>,
    /// Status of success.
    pub status: &'static str,
    /// Reply of success.
    pub reply: Reply,
}

/// Groups with what they are about.
pub const TAGS: &[(&str, &str)] = &[
    ("ingest", "Events in. A batch may be taken in part; a repeated event gets the place and receipt it had."),
    ("events", "Events out, in order."),
    ("proofs", "Evidence that the order is what it was: batches, inclusion, consistency."),
    ("log", "The public head log: checkpoint and tiles, as C2SP tlog-checkpoint and tlog-tiles."),
    ("keys", "Agent keys and the sequencer's own."),
    ("access", "API keys: who may call, and what that permits."),
    ("schemas", "The schema registry: our routes, and those that Confluent clients use."),
    ("service", "Whether the service works, and this document."),
];

/// The table.
pub fn all() -> impl Iterator<Item = &'static Operation> {
    data::OPERATIONS.iter().chain(manage::OPERATIONS)
}
