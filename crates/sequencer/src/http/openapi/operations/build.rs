//! What the lines of the table are made with.

use super::{Operation, Reply};
use crate::identity::Permission;

pub(super) const SCOPE: &[&str] = &["tenant_id", "store_id"];
pub(super) const PAGE: &[&str] = &[
    "tenant_id",
    "store_id",
    "from",
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
pub(super) const STREAM: &[&str] = &[
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
pub(super) const ENTITY: &[&str] = &["entity_type[path]", "entity_id[path]", "tenant_id", "store_id", "from", "limit"];
pub(super) const INGEST: &[&str] = &["receipts", "paths", "wait"];
pub(super) const LISTED: &[&str] = &["tenant_id", "store_id", "from", "limit"];

pub(super) const fn get(
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

pub(super) const fn post(
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

pub(super) const fn put(
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

pub(super) const fn removed(
    id: &'static str,
    path: &'static str,
    summary: &'static str,
    parameters: &'static [&'static str],
    reply: &'static str,
) -> Operation {
    let get = get(id, "schemas", path, summary, parameters, reply);
    Operation { method: "delete", permission: Some(Permission::Admin), ..get }
}

pub(super) const fn public(operation: Operation) -> Operation {
    Operation { public: true, permission: None, ..operation }
}

pub(super) const fn with(permission: Permission, operation: Operation) -> Operation {
    Operation { permission: Some(permission), ..operation }
}

pub(super) const fn other(operation: Operation, kind: &'static str) -> Operation {
    Operation { reply: Reply::Other(kind), ..operation }
}
