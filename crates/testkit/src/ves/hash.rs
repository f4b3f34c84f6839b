//! The three hashes a client needs: of a payload, of an event, of a key.

use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The envelope lacks a signed field, or holds it in another shape.
#[derive(Debug, thiserror::Error)]
#[error("the envelope's {0} is missing or malformed")]
pub struct MalformedEnvelope(&'static str);

/// SHA-256 of the domain and the payload's RFC 8785 form.
pub fn payload_hash(payload: &Value) -> [u8; 32] {
    let canonical = serde_json_canonicalizer::to_vec(payload).expect("a JSON value has a canonical form");
    digest(&[b"VES_PAYLOAD_PLAIN_V1", &canonical])
}

/// What the agent signs: 32 bytes over the envelope's signed fields as they stand, right or wrong, in the
/// version the envelope names. The signature itself and the payload are not read.
pub fn signing_hash(envelope: &Value) -> Result<[u8; 32], MalformedEnvelope> {
    let version = number(envelope, "ves_version")?;
    let inner = inner_hash(envelope, version)?;
    if version == 1 {
        return Ok(inner);
    }
    let mut controls = Vec::new();
    match envelope.get("command_id") {
        None | Some(Value::Null) => controls.push(0),
        Some(_) => {
            controls.push(1);
            controls.extend(identifier(envelope, "command_id")?);
        },
    }
    match envelope.get("base_version") {
        None | Some(Value::Null) => controls.push(0),
        Some(value) => {
            controls.push(1);
            controls.extend(value.as_u64().ok_or(MalformedEnvelope("base_version"))?.to_be_bytes());
        },
    }
    Ok(digest(&[b"VES_EVENTSIG_V2", &inner, &controls]))
}

/// What a registration signs to show that it holds the private key.
pub fn key_possession_challenge(public_key: &[u8; 32]) -> [u8; 32] {
    digest(&[b"VES_POP_V1", public_key])
}

pub(super) fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

fn inner_hash(envelope: &Value, version: u32) -> Result<[u8; 32], MalformedEnvelope> {
    let mut bytes = b"VES_EVENTSIG_V1".to_vec();
    bytes.extend(version.to_be_bytes());
    for field in ["tenant_id", "store_id", "event_id", "source_agent_id"] {
        bytes.extend(identifier(envelope, field)?);
    }
    bytes.extend(number(envelope, "agent_key_id")?.to_be_bytes());
    for field in ["entity_type", "entity_id", "event_type", "created_at"] {
        let text = text(envelope, field)?;
        let length = u32::try_from(text.len()).or(Err(MalformedEnvelope(field)))?;
        bytes.extend(length.to_be_bytes());
        bytes.extend(text.as_bytes());
    }
    bytes.extend(number(envelope, "payload_kind")?.to_be_bytes());
    for field in ["payload_plain_hash", "payload_cipher_hash"] {
        let hash: [u8; 32] = const_hex::decode_to_array(text(envelope, field)?).or(Err(MalformedEnvelope(field)))?;
        bytes.extend(hash);
    }
    Ok(digest(&[&bytes]))
}

fn text<'a>(envelope: &'a Value, field: &'static str) -> Result<&'a str, MalformedEnvelope> {
    envelope.get(field).and_then(Value::as_str).ok_or(MalformedEnvelope(field))
}

fn number(envelope: &Value, field: &'static str) -> Result<u32, MalformedEnvelope> {
    let number = envelope.get(field).and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok());
    number.ok_or(MalformedEnvelope(field))
}

fn identifier(envelope: &Value, field: &'static str) -> Result<[u8; 16], MalformedEnvelope> {
    text(envelope, field)?.parse().map(Uuid::into_bytes).or(Err(MalformedEnvelope(field)))
}
