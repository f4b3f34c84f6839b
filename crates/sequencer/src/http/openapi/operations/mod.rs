//! Every operation of the API, one file per group of routes.

mod events;
mod keys;
mod proofs;
mod schemas;
mod service;

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

const SCOPE: &[&str] = &["tenant_id", "store_id"];
const PAGE: &[&str] = &[
    "tenant_id",
    "store_id",
    "from",
    "upto",
    "order",
    "limit",
    "entity_type",
    "entity_id",
    "event_type",
    "since",
    "until",
    "agent_id[query]",
    "correlation_id",
    "order_key",
];
const STREAM: &[&str] = &[
    "tenant_id",
    "store_id",
    "from",
    "entity_type",
    "entity_id",
    "event_type",
    "since",
    "until",
    "agent_id[query]",
    "correlation_id",
    "order_key",
];
const ENTITY: &[&str] =
    &["entity_type[path]", "entity_id[path]", "tenant_id", "store_id", "from", "upto", "order", "limit"];
const INGEST: &[&str] = &["receipts", "paths", "wait"];
const LISTED: &[&str] = &["tenant_id", "store_id", "from", "limit"];

const fn get(
    id: &'static str,
    tag: &'static str,
    path: &'static str,
    summary: &'static str,
    parameters: &'static [&'static str],
    reply: &'static str,
) -> Operation {
    Operation {
        id,
        method: "get",
        path,
        summary,
        tag,
        public: false,
        permission: Some(Permission::Read),
        parameters,
        body: None,
        status: "200",
        reply: Reply::Json(reply),
    }
}

const fn post(
    id: &'static str,
    tag: &'static str,
    path: &'static str,
    summary: &'static str,
    parameters: &'static [&'static str],
    body: &'static str,
    reply: &'static str,
) -> Operation {
    Operation {
        id,
        method: "post",
        path,
        summary,
        tag,
        public: false,
        permission: Some(Permission::Write),
        parameters,
        body: Some(body),
        status: "200",
        reply: Reply::Json(reply),
    }
}

const fn put(
    id: &'static str,
    path: &'static str,
    summary: &'static str,
    parameters: &'static [&'static str],
    body: &'static str,
    reply: &'static str,
) -> Operation {
    let post = post(id, "schemas", path, summary, parameters, body, reply);
    Operation { method: "put", permission: Some(Permission::Admin), ..post }
}

const fn removed(
    id: &'static str,
    path: &'static str,
    summary: &'static str,
    parameters: &'static [&'static str],
    reply: &'static str,
) -> Operation {
    let get = get(id, "schemas", path, summary, parameters, reply);
    Operation { method: "delete", permission: Some(Permission::Admin), ..get }
}

const fn public(operation: Operation) -> Operation {
    Operation { public: true, permission: None, ..operation }
}

const fn with(permission: Permission, operation: Operation) -> Operation {
    Operation { permission: Some(permission), ..operation }
}

const fn other(operation: Operation, kind: &'static str) -> Operation {
    Operation { reply: Reply::Other(kind), ..operation }
}

/// All of them, group by group.
pub fn all() -> impl Iterator<Item = &'static Operation> {
    [events::OPERATIONS, proofs::OPERATIONS, keys::OPERATIONS, schemas::OPERATIONS, service::OPERATIONS]
        .into_iter()
        .flatten()
}
