//! VES envelopes, versions 1 and 2.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::members::Members;
use super::{
    Admission, annotations, check_batch, check_payload_size, checked_text, created_at, hash, reference, required, text,
};
use crate::bytes::{Hash, Signature};
use crate::encryption::{AadFields, EncryptedPayload, payload_aad};
use crate::event::{Candidate, EnvelopeVersion, Header, PayloadForm, Seal};
use crate::id::{AgentId, EventId, KeyId};
use crate::json;
use crate::limits;
use crate::rejection::Cause;

const ED25519_SCHEME: u32 = 1;

pub(super) fn read(members: &Members<'_>, admission: &Admission<'_>) -> Result<Candidate, Cause> {
    let version = version(members)?;
    check_batch(members, admission)?;
    if let Some(scheme) = members.agent_signature_scheme.filter(|scheme| ![0, ED25519_SCHEME].contains(scheme)) {
        return Err(Cause::UnsupportedScheme(scheme));
    }
    let key = KeyId(required(members.agent_key_id, "agent_key_id")?);
    let signature = signature(&required(members.agent_signature.as_ref(), "agent_signature")?.0)?;
    let mut header = Header {
        event_id: EventId(required(members.event_id, "event_id")?),
        version,
        agent: AgentId(admission.agent.0),
        entity_type: text(members.entity_type.as_ref(), "entity_type", limits::ENTITY_TYPE_BYTES)?,
        entity_id: text(members.entity_id.as_ref(), "entity_id", limits::ENTITY_ID_BYTES)?,
        event_type: text(members.event_type.as_ref(), "event_type", limits::EVENT_TYPE_BYTES)?,
        created_at: created_at(members, admission)?,
        payload_form: PayloadForm::Plain,
        payload_hash: hash(members.payload_plain_hash.as_ref(), "payload_plain_hash")?,
        cipher_hash: hash(members.payload_cipher_hash.as_ref(), "payload_cipher_hash")?,
        content_hash: Hash::ZERO,
        seal: Seal::Signed { key, signature },
        command_id: members.command_id,
        base_version: members.base_version,
        order_key: reference(members.order_key.as_ref(), "order_key")?,
        correlation_id: reference(members.correlation_id.as_ref(), "correlation_id")?,
        annotations: annotations(members, admission)?,
    };
    let payload = payload(members, admission, &mut header, key)?;
    header.content_hash = header.derive_content_hash(admission.scope);
    Ok(Candidate { header, payload: payload.as_bytes().into(), warnings: Vec::new() })
}

fn version(members: &Members<'_>) -> Result<EnvelopeVersion, Cause> {
    match required(members.ves_version, "ves_version")? {
        1 => Ok(EnvelopeVersion::V1),
        2 => Ok(EnvelopeVersion::V2),
        other => Err(Cause::UnsupportedVersion(other)),
    }
}

/// Checks the payload against its stated hash and returns its bytes as received.
fn payload<'a>(
    members: &Members<'a>,
    admission: &Admission<'_>,
    header: &mut Header,
    key: KeyId,
) -> Result<&'a str, Cause> {
    let kind = required(members.payload_kind, "payload_kind")?;
    match (kind, members.payload, members.payload_encrypted) {
        (0, Some(plain), None) => {
            check_payload_size(plain.get(), admission)?;
            plain_payload(plain.get(), header)?;
            Ok(plain.get())
        },
        (1, None, Some(encrypted)) => {
            check_payload_size(encrypted.get(), admission)?;
            encrypted_payload(encrypted.get(), header, admission, key)?;
            Ok(encrypted.get())
        },
        (0, None, _) => Err(Cause::field("payload", "is required when payload_kind is 0, and must not be null")),
        (1, _, None) => Err(Cause::field("payload_encrypted", "is required when payload_kind is 1")),
        (0, Some(_), Some(_)) => Err(Cause::field("payload_encrypted", "must be absent when payload_kind is 0")),
        (1, Some(_), Some(_)) => Err(Cause::field("payload", "must be absent when payload_kind is 1")),
        (other, _, _) => Err(Cause::field("payload_kind", format!("is {other}; it is 0 (plain) or 1 (encrypted)"))),
    }
}

fn plain_payload(payload: &str, header: &Header) -> Result<(), Cause> {
    if header.cipher_hash != Hash::ZERO {
        return Err(Cause::field("payload_cipher_hash", "must be all zero when payload_kind is 0"));
    }
    let canonical = json::canonical(payload.as_bytes()).map_err(|fault| Cause::field("payload", fault.to_string()))?;
    let computed = json::payload_hash(&canonical);
    if computed == header.payload_hash { Ok(()) } else { Err(Cause::PayloadHash(computed.to_prefixed_hex())) }
}

/// The server holds no key to an encrypted payload: it checks that the structure is sound and that the cipher hash binds
/// it to this event.
fn encrypted_payload(payload: &str, header: &mut Header, admission: &Admission<'_>, key: KeyId) -> Result<(), Cause> {
    header.payload_form = PayloadForm::Encrypted;
    json::canonical(payload.as_bytes()).map_err(|fault| Cause::field("payload_encrypted", fault.to_string()))?;
    let parsed: EncryptedPayload<'_> =
        serde_json::from_str(payload).map_err(|fault| Cause::field("payload_encrypted", fault.to_string()))?;
    let parts = parsed.check().map_err(|fault| Cause::field("payload_encrypted", fault.to_string()))?;
    let aad = payload_aad(&AadFields {
        scope: admission.scope,
        event_id: header.event_id,
        source_agent: header.agent,
        agent_key_id: key,
        entity_type: &header.entity_type,
        entity_id: &header.entity_id,
        event_type: &header.event_type,
        created_at: &header.created_at,
        payload_plain_hash: &header.payload_hash,
    });
    let computed = parts.payload_cipher_hash(&aad);
    if computed == header.cipher_hash { Ok(()) } else { Err(Cause::CipherHash(computed.to_prefixed_hex())) }
}

/// Hexadecimal is canonical; base64 of either alphabet is tolerated (conflict 20 of the model).
fn signature(text: &str) -> Result<Signature, Cause> {
    if let Ok(signature) = Signature::from_hex(text) {
        return Ok(signature);
    }
    checked_text(text, "agent_signature", 256)?;
    let bare = text.trim_end_matches('=');
    let bytes = STANDARD
        .decode(text)
        .or_else(|_| URL_SAFE_NO_PAD.decode(bare))
        .map_err(|_| Cause::field("agent_signature", "is neither hexadecimal nor base64"))?;
    Signature::try_from(bytes.as_slice()).map_err(|fault| Cause::field("agent_signature", fault.to_string()))
}
