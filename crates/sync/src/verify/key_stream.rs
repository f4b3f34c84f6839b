//! Changes of agent keys, from the checked events of the tenant's key stream.

use serde::Deserialize;
use stateset_ledger::agent_key::KeyChange;
use stateset_ledger::bytes::PublicKeyBytes;
use stateset_ledger::clock::parse_rfc3339;
use stateset_ledger::id::{AgentId, KeyId, Micros};
use uuid::Uuid;

use super::Checked;

#[derive(Deserialize)]
struct Registered {
    agent_id: Uuid,
    key_id: u32,
    public_key: PublicKeyBytes,
    valid_from: Option<String>,
    valid_to: Option<String>,
}

#[derive(Deserialize)]
struct Revoked {
    agent_id: Uuid,
    key_id: u32,
    #[serde(rename = "revoked_at")]
    at: String,
}

/// The change that a checked event of the key stream states; `None` if it states none that this version knows.
pub(crate) fn read_change(event: &Checked) -> Option<KeyChange> {
    // Only the sequencer's word changes the registry.
    if event.header.agent != AgentId::NIL || !event.signed {
        return None;
    }
    let payload = event.payload.as_deref()?;
    let instant = |text: Option<String>| -> Result<Option<Micros>, ()> {
        text.map(|text| parse_rfc3339(&text)).transpose().map_err(drop)
    };
    match event.header.event_type.as_str() {
        "agent_key.registered" => {
            let change: Registered = serde_json::from_str(payload).ok()?;
            Some(KeyChange::Register {
                agent: AgentId(change.agent_id),
                key: KeyId(change.key_id),
                public_key: change.public_key,
                valid_from: instant(change.valid_from).ok()?,
                valid_to: instant(change.valid_to).ok()?,
            })
        },
        "agent_key.revoked" => {
            let change: Revoked = serde_json::from_str(payload).ok()?;
            Some(KeyChange::Revoke {
                agent: AgentId(change.agent_id),
                key: KeyId(change.key_id),
                revoked_at: parse_rfc3339(&change.at).ok()?,
            })
        },
        _ => None,
    }
}
