//! An event as a consumer receives it, whatever brought it.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::delivery::LoggedEvent;
use crate::scope::Scope;
use crate::sql::{Cells, decode};

/// One event. What a topic, a webhook or the log itself brings becomes this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// Identity within the scope: the same event, sent again, has the same one.
    pub event_id: Uuid,
    /// Whose event it is.
    pub scope: Scope,
    /// Such as `payment.succeeded`.
    pub event_type: String,
    /// Version of the payload's schema, from 1. A higher one than the consumer knows is no fault.
    pub schema_version: i32,
    /// The order key: events of one key are taken one after the other. 1 to 600 bytes.
    pub key: String,
    /// Place in the producer's log, if it is known; decides in which order held events are released.
    pub sequence: Option<i64>,
    /// JSON, as received: never rewritten, not even by an upcast.
    pub payload: String,
    /// What came with it.
    pub notes: Notes,
}

/// What came with an event and is no part of the fact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Notes {
    /// When it happened, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<String>,
    /// The customer's address, where the envelope has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_email: Option<String>,
    /// What it belongs to across services.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// The event or request that caused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<String>,
    /// W3C trace context.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// The job that asked for it to be sent again: a handler may leave out what must not happen twice outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay_job: Option<Uuid>,
    /// Where it came from, such as `order.events/2/4711`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

impl Incoming {
    /// The payload, read. Members that `T` does not name are left out: an envelope may grow.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.payload)
    }

    /// What names it where somebody looks for it.
    pub(super) fn source(&self) -> String {
        self.notes.source.clone().unwrap_or_else(|| self.event_id.to_string())
    }

    pub(super) fn notes_json(&self) -> String {
        serde_json::to_string(&self.notes).expect("texts have a JSON form")
    }
}

impl From<&LoggedEvent> for Incoming {
    /// For a consumer in the same process as the relay's handler.
    fn from(event: &LoggedEvent) -> Self {
        Self {
            event_id: event.event_id,
            scope: Scope { tenant: event.tenant, store: event.store },
            event_type: event.event_type.clone(),
            schema_version: event.schema_version,
            key: event.lane().key,
            sequence: Some(event.log_id),
            payload: event.payload.clone(),
            notes: Notes {
                occurred_at: Some(event.created_at.clone()),
                correlation_id: event.correlation_id.clone(),
                causation_id: event.causation_id.clone(),
                traceparent: event.traceparent.clone(),
                ..Notes::default()
            },
        }
    }
}

/// What is stored of an event, from the column of its tenant on. `None`: a record that could not be read.
pub(super) fn read_incoming(row: &mut Cells) -> Result<(Scope, Option<Incoming>), sqlx::Error> {
    let scope = Scope { tenant: row.id()?, store: row.id()? };
    let event_id = row.opt_id()?;
    let (key, event_type, schema_version) = (row.opt_text()?, row.opt_text()?, row.opt_int()?);
    let (sequence, payload, notes) = (row.opt_int()?, row.opt_text()?, row.opt_text()?);
    let Some(event_id) = event_id else { return Ok((scope, None)) };
    let missing = || decode("a held event lacks a column");
    let notes: Notes = match notes {
        Some(text) => serde_json::from_str(&text).map_err(|_| decode("the notes of an event are no JSON"))?,
        None => Notes::default(),
    };
    let schema_version = schema_version.and_then(|version| i32::try_from(version).ok()).ok_or_else(missing)?;
    let incoming = Incoming {
        event_id,
        scope,
        event_type: event_type.ok_or_else(missing)?,
        schema_version,
        key: key.ok_or_else(missing)?,
        sequence,
        payload: payload.ok_or_else(missing)?,
        notes,
    };
    Ok((scope, Some(incoming)))
}
