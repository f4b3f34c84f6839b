//! From the API's envelope to the answers.

use stateset_api::event::{Envelope, SignatureVerdict, VerdictState};
use stateset_outbox::EventId;

use crate::answer::{EventRow, Signature, Verdict};

/// An envelope as a row of a list.
pub(super) fn row(event: Envelope, payload: bool) -> EventRow {
    EventRow {
        event_id: EventId(event.event_id).display(),
        event_type: event.event_type,
        entity_type: event.entity_type,
        entity_id: event.entity_id,
        created_at: event.created_at,
        sequence_number: Some(event.sequence_number),
        local_sequence: None,
        event_uuid: event.event_id.to_string(),
        order_key: event.order_key,
        correlation_id: event.correlation_id,
        causation_id: event.causation_id,
        command_id: event.command_id.map(|id| id.to_string()),
        schema_version: event.schema_version,
        event_key: None,
        source_agent: Some(event.source_agent_id.to_string()),
        agent_signature: event.agent_signature,
        recorded_at: Some(event.sequenced_at),
        replay_job: None,
        payload: event.payload.or(event.payload_encrypted).filter(|_| payload),
        metadata: event.metadata.filter(|_| payload),
    }
}

/// The verdict in words.
pub(super) fn signature(event: &Envelope, verdict: &SignatureVerdict) -> Signature {
    let cause = verdict.cause.as_deref().unwrap_or("no cause is given");
    let (state, explanation) = match verdict.state {
        VerdictState::Verified => (Verdict::Verified, "the hashes fit the stored bytes, and the agent's signature verifies".to_owned()),
        VerdictState::Absent => (Verdict::Absent, "the hashes fit; nobody signed this event".to_owned()),
        VerdictState::Unverifiable => (Verdict::Unverifiable, format!("the signature cannot be checked: {cause}")),
        VerdictState::Invalid => (
            Verdict::Invalid,
            format!("something does not fit: {cause}; compare the agent's registered key (key id {:?}) with the one that signed", event.agent_key_id),
        ),
    };
    Signature {
        state,
        agent: Some(event.source_agent_id.to_string()),
        key_id: verdict.key_id.map(u64::from),
        content_hash: Some(verdict.content_hash.to_string()),
        key_status: verdict.key_status.clone(),
        explanation,
    }
}
