//! `Event<PT>`: one domain event, as the application makes it.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::draft::{Draft, Entity};

/// One domain event to be published, generic over the application's payload type `PT`.
///
/// An event starts as [`EventStatus::Pending`] and unlocked. The log itself keeps no status: `locked_until` and `status`
/// of a stored event come from the view `outbox_004`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event<PT> {
    /// Randomly generated identity (UUID v4).
    pub id: EventId,
    /// Deduplication token: the event key. `None` when none is produced.
    pub idempotency_token: Option<IdempotencyToken>,
    /// Domain-level name used for routing, such as `order.created`.
    pub event_type: EventType,
    /// The application's payload, serialized as JSON.
    pub payload: Payload<PT>,
    /// When the event was constructed, in UTC.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// End of the current lock; the epoch means "not locked".
    #[serde(with = "time::serde::rfc3339")]
    pub locked_until: OffsetDateTime,
    /// Current lifecycle stage.
    pub status: EventStatus,
}

impl<PT> Event<PT> {
    /// A new event: a fresh random id, created now, unlocked, pending.
    pub fn new(event_type: EventType, payload: Payload<PT>, idempotency_token: Option<IdempotencyToken>) -> Self {
        Self {
            id: EventId::default(),
            idempotency_token,
            event_type,
            payload,
            created_at: OffsetDateTime::now_utc(),
            locked_until: OffsetDateTime::UNIX_EPOCH,
            status: EventStatus::Pending,
        }
    }

    /// Says what the event is about, for payloads that are no [`Fact`](crate::Fact).
    pub fn about(self, entity: Entity) -> Draft<PT> {
        Draft::new(self, entity)
    }
}

/// Identity of an event within its scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(pub Uuid);

impl Default for EventId {
    /// A fresh random id.
    fn default() -> Self {
        Self(Uuid::new_v4())
    }
}

/// The token that dedupes one fact within its scope: 1 to 255 characters, no control characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IdempotencyToken(pub String);

impl IdempotencyToken {
    /// Wraps a token; it is checked when the event is written.
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }
}

/// A name of two or more segments, such as `order.created` or `shopify.sync.product`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventType(pub String);

impl EventType {
    /// Wraps a name; it is checked when the event is written.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }
}

/// The application's payload; its JSON is that of `PT`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Payload<PT>(pub PT);

impl<PT> Payload<PT> {
    /// Wraps a payload.
    pub fn new(payload: PT) -> Self {
        Self(payload)
    }
}

/// Lifecycle stage in the words of `Event<PT>`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EventStatus {
    /// Waits for a worker.
    #[default]
    Pending,
    /// A worker has it until `locked_until`.
    Processing,
    /// Published.
    Sent,
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::value::RawValue;
    use serde_json::{Value, json};

    use super::*;

    /// A22, A23, E10: every default, every field public.
    #[test]
    fn a_new_event_is_pending_and_unlocked() {
        let before = OffsetDateTime::now_utc();
        let event = Event::new(EventType::new("order.created"), Payload::new(1), Some(IdempotencyToken::new("k")));
        let Event { id, idempotency_token, event_type, payload, created_at, locked_until, status } = event;
        assert_eq!(id.0.get_version_num(), 4);
        assert_eq!(idempotency_token, Some(IdempotencyToken("k".into())));
        assert_eq!((event_type.0.as_str(), payload.0), ("order.created", 1));
        assert!(created_at >= before && created_at.offset().is_utc());
        assert_eq!(locked_until, OffsetDateTime::UNIX_EPOCH);
        assert_eq!(status, EventStatus::Pending);
    }

    /// A22
    #[test]
    fn ids_are_unique() {
        let ids: HashSet<EventId> = (0..1_000_000).map(|_| EventId::default()).collect();
        assert_eq!(ids.len(), 1_000_000);
    }

    /// A21: the payload's JSON is that of its type: struct, enum, value, and text kept as it is.
    #[test]
    fn the_payload_is_transparent() {
        #[derive(Serialize)]
        struct Paid {
            cents: i64,
        }
        #[derive(Serialize)]
        #[serde(tag = "kind", rename_all = "snake_case")]
        enum Change {
            Cancelled { reason: &'static str },
        }
        fn json_of<PT: Serialize>(payload: PT) -> Value {
            let event = Event::new(EventType::new("a.b"), Payload::new(payload), None);
            serde_json::to_value(&event).expect("an event is JSON")["payload"].clone()
        }
        assert_eq!(json_of(Paid { cents: 5 }), json!({"cents": 5}));
        assert_eq!(json_of(Change::Cancelled { reason: "x" }), json!({"kind": "cancelled", "reason": "x"}));
        assert_eq!(json_of(json!({"a": [1, null]})), json!({"a": [1, null]}));
        let raw = RawValue::from_string("{\"price\":1.10}".to_owned()).expect("JSON");
        assert_eq!(serde_json::to_string(&Payload::new(raw)).expect("JSON"), "{\"price\":1.10}");
    }
}
