//! An agent with its key, and the events it signs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};
use uuid::{Builder, Uuid};

use super::hash::{MalformedEnvelope, digest, key_possession_challenge, payload_hash, signing_hash};

const NO_HASH: &str = "0x0000000000000000000000000000000000000000000000000000000000000000";

/// An agent of one tenant and store. Clones share the counter from which ids and times are made, so
/// they never make the same event twice.
#[derive(Clone, Debug)]
pub struct Agent {
    pub tenant: Uuid,
    pub store: Uuid,
    pub id: Uuid,
    pub key_id: u32,
    key: SigningKey,
    made: Arc<AtomicU64>,
}

impl Agent {
    /// The agent that this seed always gives: same id, same key, same series of event ids.
    pub fn new(seed: u64, tenant: Uuid, store: Uuid) -> Self {
        let seed = seed.to_be_bytes();
        let id = uuid_of(&digest(&[b"testkit agent id", &seed, tenant.as_bytes(), store.as_bytes()]));
        Self::from_key(digest(&[b"testkit agent key", &seed]), id, tenant, store)
    }

    /// An agent with a given private key and id.
    pub fn from_key(key: [u8; 32], id: Uuid, tenant: Uuid, store: Uuid) -> Self {
        Self { tenant, store, id, key_id: 1, key: SigningKey::from_bytes(&key), made: Arc::default() }
    }

    /// The same agent signing with another key, after a rotation.
    #[must_use]
    pub fn rotated(&self, key_id: u32) -> Self {
        let key = digest(&[b"testkit rotated key", self.key.as_bytes(), &key_id.to_be_bytes()]);
        Self { key_id, key: SigningKey::from_bytes(&key), ..self.clone() }
    }

    pub fn public_key(&self) -> [u8; 32] {
        self.key.verifying_key().to_bytes()
    }

    /// The body of `POST /api/v1/agents/keys` for this agent's key, with proof of possession.
    pub fn registration(&self) -> Value {
        let proof = self.key.sign(&key_possession_challenge(&self.public_key()));
        json!({
            "tenantId": self.tenant,
            "agentId": self.id,
            "keyId": self.key_id,
            "publicKey": const_hex::encode_prefixed(self.public_key()),
            "keyAlgorithm": 1,
            "proofOfPossessionBundle": { "ed25519Pop": const_hex::encode_prefixed(proof.to_bytes()) },
        })
    }

    /// Begins an event of version 1 about an `order`. Its id and time come from the seed and the count of
    /// events made so far.
    pub fn event(&self, entity_id: &str, event_type: &str, payload: Value) -> EventBuilder<'_> {
        let count = self.made.fetch_add(1, Ordering::Relaxed);
        let event_id = uuid_of(&digest(&[b"testkit event id", self.key.as_bytes(), &count.to_be_bytes()]));
        let seconds = count / 1000 % 86_400;
        let created_at = format!(
            "2026-01-02T{:02}:{:02}:{:02}.{:03}Z",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60,
            count % 1000
        );
        let mut envelope = json!({
            "ves_version": 1,
            "event_id": event_id,
            "tenant_id": self.tenant,
            "store_id": self.store,
            "source_agent_id": self.id,
            "agent_key_id": self.key_id,
            "entity_type": "order",
            "entity_id": entity_id,
            "event_type": event_type,
            "created_at": created_at,
            "payload_kind": 0,
            "payload_plain_hash": const_hex::encode_prefixed(payload_hash(&payload)),
            "payload_cipher_hash": NO_HASH,
        });
        envelope["payload"] = payload;
        EventBuilder { agent: self, envelope }
    }

    /// Signs an envelope as it stands, right or wrong, and replaces any signature it has. For events
    /// that the builder cannot make, and for spoilt ones that must still carry a good signature.
    pub fn sign(&self, mut envelope: Value) -> Result<SignedEvent, MalformedEnvelope> {
        let hash = signing_hash(&envelope)?;
        let signature = const_hex::encode_prefixed(self.key.sign(&hash).to_bytes());
        envelope
            .as_object_mut()
            .expect("a hashed envelope is an object")
            .insert("agent_signature".to_owned(), signature.into());
        let id = envelope.get("event_id").and_then(Value::as_str).and_then(|text| text.parse().ok());
        Ok(SignedEvent { id: id.unwrap_or_default(), signing_hash: hash, json: envelope })
    }

    /// The body of `POST /api/v1/ves/events/ingest`.
    pub fn batch(&self, events: &[SignedEvent]) -> Value {
        let events: Vec<&Value> = events.iter().map(|event| &event.json).collect();
        json!({ "agentId": self.id, "events": events })
    }
}

/// An event that is not signed yet.
#[derive(Clone, Debug)]
pub struct EventBuilder<'a> {
    agent: &'a Agent,
    envelope: Value,
}

impl EventBuilder<'_> {
    /// 1 or 2; version 2 also signs `command_id` and `base_version`.
    #[must_use]
    pub fn version(self, version: u32) -> Self {
        self.field("ves_version", version.into())
    }

    #[must_use]
    pub fn event_id(self, id: Uuid) -> Self {
        self.field("event_id", id.to_string().into())
    }

    #[must_use]
    pub fn entity_type(self, entity_type: &str) -> Self {
        self.field("entity_type", entity_type.into())
    }

    #[must_use]
    pub fn created_at(self, text: &str) -> Self {
        self.field("created_at", text.into())
    }

    #[must_use]
    pub fn command_id(self, id: Uuid) -> Self {
        self.field("command_id", id.to_string().into())
    }

    #[must_use]
    pub fn base_version(self, version: u64) -> Self {
        self.field("base_version", version.into())
    }

    /// Sets any field before signing. The payload's hash is not made again: see [`Agent::sign`].
    #[must_use]
    pub fn field(mut self, name: &str, value: Value) -> Self {
        let fields = self.envelope.as_object_mut().expect("the envelope was made as an object");
        fields.insert(name.to_owned(), value);
        self
    }

    pub fn sign(self) -> SignedEvent {
        self.agent.sign(self.envelope).expect("the builder was given a signed field of a wrong shape")
    }
}

/// An envelope ready to send.
#[derive(Clone, Debug)]
pub struct SignedEvent {
    pub id: Uuid,
    pub signing_hash: [u8; 32],
    pub json: Value,
}

fn uuid_of(hash: &[u8; 32]) -> Uuid {
    let bytes = hash.first_chunk().expect("a hash is longer than a UUID");
    Builder::from_random_bytes(*bytes).into_uuid()
}
