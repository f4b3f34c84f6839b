//! Whether an event's fields, payload and hashes fit together: what every audit repeats.

use crate::bytes::Hash;
use crate::encryption::{AadFields, EncryptedPayload, payload_aad};
use crate::event::{Header, PayloadForm, Seal};
use crate::id::Scope;
use crate::json;

/// What does not fit between fields, payload and hashes; such a fault outweighs any signature.
pub fn content_fault(derived: &Hash, header: &Header, scope: Scope, payload: &str) -> Option<String> {
    if *derived != header.content_hash {
        return Some(format!("the fields hash to {derived}, the log holds {}", header.content_hash));
    }
    payload_fault(header, scope, payload)
}

/// What does not fit between the payload and the hashes that the header states of it.
pub fn payload_fault(header: &Header, scope: Scope, payload: &str) -> Option<String> {
    let (what, stated, computed) = match payload_hash(header, scope, payload) {
        Ok(hashes) => hashes,
        Err(fault) => return Some(fault),
    };
    (stated != computed).then(|| format!("the payload's {what} hash is {computed}, the event states {stated}"))
}

/// Which hash covers the stored payload, what the event states and what the payload gives.
fn payload_hash(header: &Header, scope: Scope, payload: &str) -> Result<(&'static str, Hash, Hash), String> {
    let bytes = payload.as_bytes();
    let canonical = json::canonical(bytes).map_err(|fault| fault.to_string())?;
    let stated = header.payload_hash;
    Ok(match header.payload_form {
        PayloadForm::Plain => ("payload", stated, json::payload_hash(&canonical)),
        PayloadForm::LegacyCanonical => ("payload", stated, Hash::of(&[&canonical])),
        // Canonical bytes are recorded under the published form whichever of the two forms was meant.
        PayloadForm::LegacySorted if json::is_canonical(bytes) && Hash::of(&[&canonical]) == stated => {
            ("payload", stated, stated)
        },
        PayloadForm::LegacySorted => {
            ("payload", stated, json::legacy::payload_hash(bytes).map_err(|fault| fault.to_string())?)
        },
        PayloadForm::Encrypted => ("cipher", header.cipher_hash, cipher_hash(header, scope, payload)?),
    })
}

fn cipher_hash(header: &Header, scope: Scope, payload: &str) -> Result<Hash, String> {
    let Seal::Signed { key, .. } = header.seal else { return Err("an unsigned event cannot be encrypted".to_owned()) };
    let parsed: EncryptedPayload<'_> = serde_json::from_str(payload).map_err(|fault| fault.to_string())?;
    let parts = parsed.check().map_err(|fault| fault.to_string())?;
    Ok(parts.payload_cipher_hash(&payload_aad(&AadFields {
        scope,
        event_id: header.event_id,
        source_agent: header.agent,
        agent_key_id: key,
        entity_type: &header.entity_type,
        entity_id: &header.entity_id,
        event_type: &header.event_type,
        created_at: &header.created_at,
        payload_plain_hash: &header.payload_hash,
    })))
}
