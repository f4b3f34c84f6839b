//! The first sequencer's envelope: no agent signature that could be checked, a payload hash that is.

use super::members::Members;
use super::{Admission, annotations, check_batch, check_payload_size, created_at, hash, reference, required, text};
use crate::bytes::{Hash, Salt};
use crate::event::{Candidate, EnvelopeVersion, Header, PayloadForm, Seal};
use crate::id::{AgentId, EventId};
use crate::json;
use crate::limits;
use crate::rejection::Cause;

pub(super) fn read(members: &Members<'_>, admission: &Admission<'_>, salt: Salt) -> Result<Candidate, Cause> {
    check_batch(members, admission)?;
    let payload = required(members.payload, "payload")?.get();
    check_payload_size(payload, admission)?;
    let payload_hash = hash(members.payload_hash.as_ref(), "payload_hash")?;
    let mut header = Header {
        event_id: EventId(required(members.event_id, "event_id")?),
        version: EnvelopeVersion::Legacy,
        agent: AgentId(admission.agent.0),
        entity_type: text(members.entity_type.as_ref(), "entity_type", limits::ENTITY_TYPE_BYTES)?,
        entity_id: text(members.entity_id.as_ref(), "entity_id", limits::ENTITY_ID_BYTES)?,
        event_type: text(members.event_type.as_ref(), "event_type", limits::EVENT_TYPE_BYTES)?,
        created_at: created_at(members, admission)?,
        payload_form: payload_form(payload, &payload_hash)?,
        payload_hash,
        cipher_hash: Hash::ZERO,
        content_hash: Hash::ZERO,
        seal: Seal::Unsigned { salt },
        command_id: members.command_id,
        base_version: members.base_version,
        order_key: reference(members.order_key.as_ref(), "order_key")?,
        correlation_id: reference(members.correlation_id.as_ref(), "correlation_id")?,
        annotations: annotations(members, admission)?,
    };
    header.annotations.legacy_signature = legacy_signature(members)?;
    header.content_hash = header.derive_content_hash(admission.scope);
    Ok(Candidate { header, payload: payload.as_bytes().into(), warnings: Vec::new() })
}

/// Two forms of `payload_hash` are in use; the one that fits is recorded with the event (rulings on legacy hashes). For
/// canonical bytes both hash the same text, and the published form is recorded.
fn payload_form(payload: &str, stated: &Hash) -> Result<PayloadForm, Cause> {
    let fault = |fault: json::JsonFault| Cause::field("payload", fault.to_string());
    let canonical = json::canonical(payload.as_bytes()).map_err(fault)?;
    let canonical_hash = Hash::of(&[&canonical]);
    if canonical_hash == *stated && json::is_canonical(payload.as_bytes()) {
        return Ok(PayloadForm::LegacySorted);
    }
    let sorted = json::legacy::sorted_compact(payload.as_bytes()).map_err(fault)?;
    if Hash::of(&[&sorted]) == *stated {
        return Ok(PayloadForm::LegacySorted);
    }
    if canonical_hash == *stated {
        return Ok(PayloadForm::LegacyCanonical);
    }
    Err(Cause::PayloadHash(canonical_hash.to_hex()))
}

/// Kept as its JSON text: the published form mixes byte orders and has no delimiters, so it proves nothing.
fn legacy_signature(members: &Members<'_>) -> Result<Option<String>, Cause> {
    const MAX_BYTES: usize = 4096;
    match members.signature {
        None => Ok(None),
        Some(raw) if raw.get().len() > MAX_BYTES => {
            Err(Cause::field("signature", format!("is larger than {MAX_BYTES} bytes")))
        },
        Some(raw) => Ok(Some(raw.get().to_owned())),
    }
}
