//! From a draft to the columns of the log.

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use time::UtcOffset;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use super::WriteError;
use super::grammar;
use super::strategy::{Facts, IdempotencyStrategy};
use crate::draft::Draft;
use crate::shard::shard;

/// The columns of a new event, checked.
#[derive(Clone, Debug)]
pub struct Row {
    pub event_id: Uuid,
    pub event_key: Option<String>,
    pub payload_hash: Vec<u8>,
    pub shard: u8,
    pub event_type: String,
    pub schema_version: i32,
    pub entity_type: String,
    pub entity_id: String,
    pub order_key: Option<String>,
    pub payload: String,
    pub metadata: Option<String>,
    pub correlation_id: Option<String>,
    pub causation_id: Option<String>,
    pub command_id: Option<Uuid>,
    pub traceparent: Option<String>,
    pub agent_id: Option<Uuid>,
    pub agent_key_id: Option<i64>,
    pub created_at: String,
    pub deliverable: bool,
}

impl Row {
    pub(crate) fn new<PT: Serialize>(
        draft: Draft<PT>,
        strategy: &IdempotencyStrategy,
        payload_limit: usize,
    ) -> Result<Self, WriteError> {
        let payload = serde_json::to_string(&draft.event.payload).map_err(WriteError::Payload)?;
        let metadata = draft.metadata.as_ref().map(serde_json::to_string).transpose().map_err(WriteError::Payload)?;
        let event_type = draft.event.event_type.0;
        grammar::check_event_type(&event_type)?;
        grammar::check_entity(&draft.entity.kind, &draft.entity.id)?;
        grammar::check_id("order_key", draft.order_key.as_deref())?;
        grammar::check_id("correlation_id", draft.correlation_id.as_deref())?;
        grammar::check_id("causation_id", draft.causation_id.as_deref())?;
        grammar::check_id("traceparent", draft.traceparent.as_deref())?;
        grammar::check_schema_version(draft.schema_version)?;
        grammar::check_payload(&payload, payload_limit)?;
        grammar::check_metadata(metadata.as_deref())?;
        let facts = Facts {
            event_type: &event_type,
            entity: &draft.entity,
            order_key: draft.order_key.as_deref(),
            payload: &payload,
        };
        let event_key = match draft.event.idempotency_token {
            Some(token) => Some(token.0),
            None => strategy.token(facts).map_err(WriteError::Strategy)?,
        };
        grammar::check_token(event_key.as_deref())?;
        let created_at = draft.event.created_at.to_offset(UtcOffset::UTC).format(&Rfc3339);
        let correlation_id = draft.correlation_id.or_else(|| trace_id(draft.traceparent.as_deref()));
        Ok(Self {
            event_id: draft.event.id.0,
            event_key,
            payload_hash: payload_hash(&payload).to_vec(),
            shard: shard(draft.order_key.as_deref(), &draft.entity.kind, &draft.entity.id),
            event_type,
            schema_version: draft.schema_version,
            entity_type: draft.entity.kind,
            entity_id: draft.entity.id,
            order_key: draft.order_key,
            payload,
            metadata,
            correlation_id,
            causation_id: draft.causation_id,
            command_id: draft.command_id,
            traceparent: draft.traceparent,
            agent_id: draft.agent.map(|agent| agent.0),
            agent_key_id: draft.agent.map(|agent| agent.1),
            created_at: created_at.map_err(WriteError::CreatedAt)?,
            deliverable: true,
        })
    }
}

/// A15: `00-<trace id>-<parent id>-<flags>`
fn trace_id(traceparent: Option<&str>) -> Option<String> {
    let id = traceparent?.split('-').nth(1)?;
    (id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| id.to_owned())
}

/// SHA-256 of the payload's bytes.
pub(crate) fn payload_hash(payload: &str) -> [u8; 32] {
    Sha256::digest(payload).into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Entity, Event, EventType, Payload};

    /// A15
    #[test]
    fn the_trace_is_the_correlation_unless_one_is_given() {
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let draft = || {
            let event = Event::new(EventType::new("a.b"), Payload::new(json!({})), None);
            event.about(Entity::new("order", "1")).traceparent(trace)
        };
        let row = |draft| Row::new(draft, &IdempotencyStrategy::None, 100).expect("admissible");
        assert_eq!(row(draft()).correlation_id.as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        assert_eq!(row(draft().correlation_id("mine")).correlation_id.as_deref(), Some("mine"));
        assert_eq!(row(draft().traceparent("no trace")).correlation_id, None);
    }
}
