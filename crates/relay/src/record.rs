//! What a destination is given of an event.

use std::sync::Arc;

use bytes::Bytes;
use stateset_ledger::id::{Micros, Scope};
use uuid::Uuid;

/// One event on its way to one destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Place in the outbox's log: orders the events of a lane, means nothing outside.
    pub log_id: i64,
    /// Tenant and store.
    pub scope: Scope,
    /// The event's identity; the same on every destination, on every attempt, in every replay.
    pub event_id: Uuid,
    /// As written, for instance `order.created`.
    pub event_type: Arc<str>,
    /// Kind of the entity.
    pub entity_type: Arc<str>,
    /// The entity.
    pub entity_id: Arc<str>,
    /// The root the event belongs to, if it was named.
    pub order_key: Option<Arc<str>>,
    /// JSON, byte for byte as written.
    pub payload: Bytes,
    /// Version of the payload's schema, from 1.
    pub schema_version: u32,
    /// When the event was made.
    pub created_at: Micros,
    /// What travels beside the payload.
    pub headers: Headers,
    /// What a signature needs that must never change; stored with the event when it was written.
    pub signing: Option<Signing>,
    /// Set if an operator asked for this delivery again.
    pub replay: Option<Replay>,
}

/// What travels beside the payload; never signed, never used for a decision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    /// W3C trace context of the writer.
    pub traceparent: Option<String>,
    /// The operation this event is part of.
    pub correlation_id: Option<String>,
    /// The event that led to this one.
    pub causation_id: Option<String>,
    /// The command whose result the event is.
    pub command_id: Option<Uuid>,
    /// The customer's address, where the contract of the event's type wants it.
    pub user_email: Option<String>,
}

/// With which key, and over which `created_at`, the event is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signing {
    /// Number of the agent's key.
    pub key_id: u32,
    /// The signed text.
    pub created_at: String,
}

/// Marks a delivery that is not the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replay {
    /// The job that made it.
    pub job: Uuid,
    /// When the job was started.
    pub at: Micros,
}

impl Record {
    /// The FIFO unit: the order key, or the entity where there is none.
    pub fn lane(&self) -> Arc<str> {
        match &self.order_key {
            Some(key) => Arc::clone(key),
            None => format!("{}\0{}", self.entity_type, self.entity_id).into(),
        }
    }
}
