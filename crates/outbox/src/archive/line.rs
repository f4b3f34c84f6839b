//! One event of a segment: one line of JSON in the form of RFC 8785 (members by name, no white space). Absent is NULL.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::delivery::{LoggedEvent, read_event};
use crate::sql::Cells;

/// The columns of `event_log`, but for `xid`, which means nothing outside its cluster. Members in alphabetical order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_key_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    causation_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<String>,
    created_at: String,
    deliverable: bool,
    entity_id: String,
    entity_type: String,
    event_id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_key: Option<String>,
    event_type: String,
    pub(super) id: i64,
    log_epoch: i16,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_key: Option<String>,
    /// The text of the payload, as a string: exactly the bytes that were written.
    payload: String,
    schema_version: i32,
    shard: u8,
    store_id: Uuid,
    tenant_id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<String>,
    written_at: i64,
}

impl Line {
    /// Without the newline.
    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers have a JSON form")
    }

    fn new(event: LoggedEvent, deliverable: bool) -> Self {
        Self {
            agent_id: event.agent_id,
            agent_key_id: event.agent_key_id,
            causation_id: event.causation_id,
            command_id: event.command_id,
            correlation_id: event.correlation_id,
            created_at: event.created_at,
            deliverable,
            entity_id: event.entity_id,
            entity_type: event.entity_type,
            event_id: event.event_id,
            event_key: event.event_key,
            event_type: event.event_type,
            id: event.log_id,
            log_epoch: event.log_epoch,
            metadata: event.metadata,
            order_key: event.order_key,
            payload: event.payload,
            schema_version: event.schema_version,
            shard: event.shard,
            store_id: event.store,
            tenant_id: event.tenant,
            traceparent: event.traceparent,
            written_at: event.written_at,
        }
    }
}

impl From<Line> for LoggedEvent {
    fn from(line: Line) -> Self {
        Self {
            log_id: line.id,
            log_epoch: line.log_epoch,
            xid: 0,
            shard: line.shard,
            tenant: line.tenant_id,
            store: line.store_id,
            event_id: line.event_id,
            event_key: line.event_key,
            event_type: line.event_type,
            schema_version: line.schema_version,
            entity_type: line.entity_type,
            entity_id: line.entity_id,
            order_key: line.order_key,
            payload: line.payload,
            metadata: line.metadata,
            correlation_id: line.correlation_id,
            causation_id: line.causation_id,
            command_id: line.command_id,
            traceparent: line.traceparent,
            agent_id: line.agent_id,
            agent_key_id: line.agent_key_id,
            created_at: line.created_at,
            written_at: line.written_at,
        }
    }
}

/// A row, and whether its payload is the one whose hash was stored beside it when it was written.
pub(super) fn read_row(mut row: Cells) -> Result<(Line, bool), sqlx::Error> {
    let deliverable = row.flag()?;
    let written_hash = row.opt_bytes()?;
    let event = read_event(&mut row)?;
    let intact = written_hash.is_some_and(|hash| hash == Sha256::digest(&event.payload).as_slice());
    Ok((Line::new(event, deliverable), intact))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_in_alphabetical_order_and_read_back() {
        let line = Line {
            agent_id: Some(Uuid::nil()),
            agent_key_id: Some(1),
            causation_id: Some("c".into()),
            command_id: Some(Uuid::nil()),
            correlation_id: Some("c".into()),
            created_at: "2025-08-25T20:00:00Z".into(),
            deliverable: true,
            entity_id: "1".into(),
            entity_type: "order".into(),
            event_id: Uuid::nil(),
            event_key: Some("k".into()),
            event_type: "order.created".into(),
            id: 7,
            log_epoch: 1,
            metadata: Some("{}".into()),
            order_key: Some("1".into()),
            payload: "{\"a\": 1.10}".into(),
            schema_version: 1,
            shard: 3,
            store_id: Uuid::nil(),
            tenant_id: Uuid::nil(),
            traceparent: Some("t".into()),
            written_at: 5,
        };
        let text = line.to_json();
        let value: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text).expect("an object");
        let names: Vec<usize> = value.keys().map(|name| text.find(&format!("\"{name}\":")).expect("there")).collect();
        assert!(names.is_sorted() && names.len() == 23, "{text}");
        assert_eq!(serde_json::from_str::<Line>(&text).expect("it reads back"), line);
        assert!(text.contains(r#""payload":"{\"a\": 1.10}""#), "{text}");
    }
}
