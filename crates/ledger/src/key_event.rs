//! Key changes as events of the tenant's key stream, written and signed by the service itself.

use serde::Deserialize;
use uuid::Uuid;

use crate::agent_key::KeyChange;
use crate::bytes::{Hash, Preimage, PublicKeyBytes, Signature};
use crate::clock::parse_rfc3339;
use crate::event::{Annotations, Candidate, EnvelopeVersion, Header, PayloadForm, Seal};
use crate::id::{AgentId, EventId, KeyId, Micros, Scope, TenantId};
use crate::json;
use crate::signature::Signer;

/// Entity type of every event in a key stream; the entity id is `<agent>/<key id>`.
pub const ENTITY_TYPE: &str = "agent_key";
const EVENT_ID_DOMAIN: &str = "VES_KEY_EVENT_V1";

/// The payload of a key event.
#[derive(Deserialize)]
struct Recorded {
    agent_id: AgentId,
    key_id: u32,
    #[serde(default)]
    public_key: Option<PublicKeyBytes>,
    #[serde(default)]
    valid_from: Option<String>,
    #[serde(default)]
    valid_to: Option<String>,
    #[serde(default)]
    revoked_at: Option<String>,
}

impl KeyChange {
    /// The key this is about.
    pub fn key(&self) -> (AgentId, KeyId) {
        match self {
            Self::Register { agent, key, .. } | Self::Revoke { agent, key, .. } => (*agent, *key),
        }
    }

    /// What happened, as an event type.
    pub fn event_type(&self) -> &'static str {
        match self {
            Self::Register { .. } => "agent_key.registered",
            Self::Revoke { .. } => "agent_key.revoked",
        }
    }

    /// The event's id follows from what it is about, so that a key can be registered and revoked once each, whoever asks
    /// how often and through however many processes.
    pub fn event_id(&self, tenant: TenantId) -> EventId {
        let (agent, key) = self.key();
        let hash = Preimage::new(EVENT_ID_DOMAIN)
            .fixed(tenant.as_bytes())
            .fixed(agent.as_bytes())
            .u32(key.0)
            .text(self.event_type())
            .hash();
        let mut id = [0; 16];
        id.copy_from_slice(&hash.0[..16]);
        EventId(uuid::Builder::from_custom_bytes(id).into_uuid())
    }

    /// The payload, in canonical JSON.
    pub fn payload(&self) -> String {
        let instant = |at: &Option<Micros>| at.map(Micros::to_rfc3339);
        let value = match self {
            Self::Register { agent, key, public_key, valid_from, valid_to } => serde_json::json!({
                "agent_id": agent,
                "algorithm": "ed25519",
                "key_id": key.0,
                "public_key": public_key,
                "valid_from": instant(valid_from),
                "valid_to": instant(valid_to),
            }),
            Self::Revoke { agent, key, revoked_at } => serde_json::json!({
                "agent_id": agent,
                "key_id": key.0,
                "revoked_at": revoked_at.to_rfc3339(),
            }),
        };
        let text = value.to_string();
        let canonical = json::canonical(text.as_bytes()).expect("JSON made here is sound");
        String::from_utf8(canonical.into_owned()).expect("canonical JSON is UTF-8")
    }

    /// The change that an event of the key stream records; `None` for another kind of event, or a payload of another form.
    pub fn from_event(event_type: &str, payload: &str) -> Option<Self> {
        let recorded: Recorded = serde_json::from_str(payload).ok()?;
        let (agent, key) = (recorded.agent_id, KeyId(recorded.key_id));
        let instant = |text: Option<String>| text.map(|text| parse_rfc3339(&text)).transpose().ok();
        match event_type {
            "agent_key.registered" => Some(Self::Register {
                agent,
                key,
                public_key: recorded.public_key?,
                valid_from: instant(recorded.valid_from)?,
                valid_to: instant(recorded.valid_to)?,
            }),
            "agent_key.revoked" => Some(Self::Revoke { agent, key, revoked_at: instant(recorded.revoked_at)?? }),
            _ => None,
        }
    }

    /// The change as an event of the tenant's key stream, a VES v2 envelope signed by the sequencer under its own key
    /// number; the source agent is nil.
    pub fn to_candidate(&self, tenant: TenantId, at: Micros, signer: &dyn Signer, signer_key: KeyId) -> Candidate {
        let (agent, key) = self.key();
        let payload = self.payload();
        let unsigned = Seal::Signed { key: signer_key, signature: Signature::ZERO };
        let mut header = Header {
            event_id: self.event_id(tenant),
            version: EnvelopeVersion::V2,
            agent: AgentId::NIL,
            entity_type: ENTITY_TYPE.to_owned(),
            entity_id: format!("{agent}/{key}"),
            event_type: self.event_type().to_owned(),
            created_at: at.to_rfc3339(),
            payload_form: PayloadForm::Plain,
            payload_hash: json::payload_hash(payload.as_bytes()),
            cipher_hash: Hash::ZERO,
            content_hash: Hash::ZERO,
            seal: unsigned,
            command_id: None::<Uuid>,
            base_version: None,
            order_key: None,
            correlation_id: None,
            annotations: Annotations::default(),
        };
        header.content_hash = header.derive_content_hash(Scope::key_stream(tenant));
        header.seal = Seal::Signed { key: signer_key, signature: signer.sign(&header.content_hash.0) };
        Candidate { header, payload: payload.into_bytes().into(), warnings: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::KeyChange;
    use crate::bytes::PublicKeyBytes;
    use crate::id::{AgentId, KeyId, Micros, TenantId};
    use crate::signature::{PublicKey, SeedSigner, Signer as _};
    use uuid::Uuid;

    /// Rulings on revocation: key changes are signed events anybody can check.
    #[test]
    fn a_key_change_is_a_signed_event() {
        let signer = SeedSigner::new(&[3; 32]);
        let (agent, key) = (AgentId(Uuid::from_u128(9)), KeyId(2));
        let register = KeyChange::Register {
            agent,
            key,
            public_key: PublicKeyBytes([1; 32]),
            valid_from: None,
            valid_to: Some(Micros(1_000_000)),
        };
        let tenant = TenantId(Uuid::from_u128(4));
        let candidate = register.to_candidate(tenant, Micros(0), &signer, KeyId(1));
        candidate.verify(&PublicKey::new(&signer.public_key()).unwrap()).unwrap();
        assert!(crate::json::is_canonical(&candidate.payload));
        let revoke = KeyChange::Revoke { agent, key, revoked_at: Micros(5) };
        assert_ne!(register.event_id(tenant), revoke.event_id(tenant));
        assert_eq!(register.event_id(tenant), register.clone().event_id(tenant));
        for change in [register, revoke] {
            assert_eq!(KeyChange::from_event(change.event_type(), &change.payload()), Some(change));
        }
        assert_eq!(KeyChange::from_event("agent_key.registered", "{}"), None);
    }
}
