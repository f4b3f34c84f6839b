//! An event with what the log needs besides: what it is about, and where it belongs.

use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::event::{Event, Payload};

/// What an event is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entity {
    /// Such as `order`: 1 to 64 characters.
    pub kind: String,
    /// Such as `ord_123`: 1 to 256 characters.
    pub id: String,
}

impl Entity {
    /// Names an entity.
    pub fn new(kind: impl Into<String>, id: impl Into<String>) -> Self {
        Self { kind: kind.into(), id: id.into() }
    }
}

/// A payload type that knows what it is about, so that an [`Event`] of it can be written as it is.
pub trait Fact: Serialize {
    /// The entity the fact changes.
    fn entity(&self) -> Entity;

    /// The root it belongs to, such as the order of a payment. `None`: the entity itself.
    fn order_key(&self) -> Option<String> {
        None
    }

    /// Version of the payload's schema, from 1.
    fn schema_version(&self) -> i32 {
        1
    }
}

/// An event that can be written: [`Event::about`], or an event of a [`Fact`].
#[derive(Clone, Debug)]
pub struct Draft<PT> {
    pub(crate) event: Event<PT>,
    pub(crate) entity: Entity,
    pub(crate) order_key: Option<String>,
    pub(crate) schema_version: i32,
    pub(crate) metadata: Option<serde_json::Map<String, serde_json::Value>>,
    pub(crate) correlation_id: Option<String>,
    pub(crate) causation_id: Option<String>,
    pub(crate) command_id: Option<Uuid>,
    pub(crate) traceparent: Option<String>,
    pub(crate) agent: Option<(Uuid, i64)>,
    pub(crate) personal: Option<Marked>,
}

/// Whom fields of an event are about, and which ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Marked {
    pub(crate) subject: String,
    /// `payload:/email`, `metadata:/user_email`.
    pub(crate) fields: Vec<String>,
    /// Whether only the catalogue says so, and not the writer: then an outbox without master keys may still write what
    /// lies beside the payload.
    pub(crate) by_contract: bool,
}

impl<PT: Fact> From<Event<PT>> for Draft<PT> {
    fn from(event: Event<PT>) -> Self {
        let entity = event.payload.0.entity();
        let order_key = event.payload.0.order_key();
        let schema_version = event.payload.0.schema_version();
        Self { order_key, schema_version, ..Self::new(event, entity) }
    }
}

impl<PT> Draft<PT> {
    pub(crate) fn new(event: Event<PT>, entity: Entity) -> Self {
        Self {
            event,
            entity,
            order_key: None,
            schema_version: 1,
            metadata: None,
            correlation_id: None,
            causation_id: None,
            command_id: None,
            traceparent: None,
            agent: None,
            personal: None,
        }
    }

    /// The root the event belongs to: events of one order key are delivered one after the other. 1 to 256 characters.
    #[must_use]
    pub fn order_key(mut self, key: impl Into<String>) -> Self {
        self.order_key = Some(key.into());
        self
    }

    /// Version of the payload's schema, from 1.
    #[must_use]
    pub fn schema_version(mut self, version: i32) -> Self {
        self.schema_version = version;
        self
    }

    /// A JSON object of at most 16 KiB, unsigned, that nothing but people reads. Added to what is there.
    #[must_use]
    pub fn metadata(mut self, metadata: serde_json::Map<String, serde_json::Value>) -> Self {
        self.metadata.get_or_insert_default().extend(metadata);
        self
    }

    /// What the event belongs to across services. At most 256 characters.
    #[must_use]
    pub fn correlation_id(mut self, id: impl Into<String>) -> Self {
        self.correlation_id = Some(id.into());
        self
    }

    /// The event or request that caused it. At most 256 characters.
    #[must_use]
    pub fn causation_id(mut self, id: impl Into<String>) -> Self {
        self.causation_id = Some(id.into());
        self
    }

    /// The operation the event belongs to, for an event that is written outside of it; an operation sets its own.
    #[must_use]
    pub fn command_id(mut self, id: Uuid) -> Self {
        self.command_id = Some(id);
        self
    }

    /// W3C trace context, as it came in the request. Becomes the correlation id too, by its trace id, if there is none.
    #[must_use]
    pub fn traceparent(mut self, traceparent: impl Into<String>) -> Self {
        self.traceparent = Some(traceparent.into());
        self
    }

    /// Fields that are about a person: they are kept beside the log, encrypted under a key of the person's, and the event has
    /// a commitment in their place (see [`subject`](crate::subject)). `subject` is an id of yours, 1 to 256 characters, that
    /// is no secret and no address. A field is a JSON pointer into the payload, such as `/customer/email`, or into the
    /// metadata, `metadata:/user_email`; one that is not there is left out. At most 32. Added to what is marked already;
    /// all of it is then about this subject.
    #[cfg(feature = "personal")]
    #[must_use]
    pub fn personal<F: AsRef<str>>(mut self, subject: impl Into<String>, fields: impl IntoIterator<Item = F>) -> Self {
        let full = |field: F| {
            let field = field.as_ref();
            if field.starts_with('/') { format!("payload:{field}") } else { field.to_owned() }
        };
        let mut all = self.personal.take().map(|marked| marked.fields).unwrap_or_default();
        for field in fields.into_iter().map(full) {
            if !all.contains(&field) {
                all.push(field);
            }
        }
        self.personal = Some(Marked { subject: subject.into(), fields: all, by_contract: false });
        self
    }

    /// The same with its payload written as JSON, so that drafts of different payload types fit into one list.
    pub fn erased(self) -> Result<Draft<Box<RawValue>>, serde_json::Error>
    where
        PT: Serialize,
    {
        let Event { id, idempotency_token, event_type, payload, created_at, locked_until, status } = self.event;
        let payload = Payload(serde_json::value::to_raw_value(&payload)?);
        let event = Event { id, idempotency_token, event_type, payload, created_at, locked_until, status };
        Ok(Draft {
            event,
            entity: self.entity,
            order_key: self.order_key,
            schema_version: self.schema_version,
            metadata: self.metadata,
            correlation_id: self.correlation_id,
            causation_id: self.causation_id,
            command_id: self.command_id,
            traceparent: self.traceparent,
            agent: self.agent,
            personal: self.personal,
        })
    }

    /// The agent, and the number of its key, with which a push to a sequencer signs the event.
    #[must_use]
    pub fn agent(mut self, agent: Uuid, key_id: u32) -> Self {
        self.agent = Some((agent, i64::from(key_id)));
        self
    }
}
