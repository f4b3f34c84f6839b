//! The offline bundle: events of a stream in one file, with everything that proves them (`docs/spec/bundle.md`).
//!
//! A verifier trusts one thing from elsewhere, the log's verifier key, and checks the rest: payloads against hashes, hashes
//! against signatures, signatures against the tenant's key history, events against their stream, the stream and the key
//! history against the log, and the log against a checkpoint that was seen before. No network, no clock.

mod tlog_proof;
mod verify;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::bytes::{Hash, PublicKeyBytes, Salt, Signature};
use crate::event::{Annotations, EnvelopeVersion, Header, PayloadForm, ReceiptSignature, Seal};
use crate::head_log::Record;
use crate::id::{AgentId, EventId, KeyId, Micros, Scope, StoreId, TenantId};

pub use tlog_proof::{NotATlogProof, TlogProof};
pub use verify::{Fault, Report, Trust, verify_bundle};

/// Value of `format`.
pub const FORMAT: &str = "stateset-bundle-v1";
/// Largest bundle that is read, in bytes.
pub const MAX_BYTES: usize = 256 << 20;

/// A bundle as its JSON has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// [`FORMAT`].
    pub format: String,
    /// The tenant.
    pub tenant_id: Uuid,
    /// The store.
    pub store_id: Uuid,
    /// What was asked for.
    pub selection: Selection,
    /// The events, in the tree of the stream's newest logged head.
    pub stream: Section,
    /// The tenant's whole key stream up to its newest logged head; absent if the tenant never had an agent key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<Section>,
    /// Keys of the sequencer, by number: which one signed a receipt. To be trusted they must be known from elsewhere.
    pub sequencer_keys: Vec<NumberedKey>,
    /// That the log continues an earlier size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_consistency: Option<LogConsistency>,
    /// More events match behind the last one: the `from` of the next bundle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_from: Option<u64>,
}

/// Which events a bundle holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// First sequence that was looked at.
    pub from: u64,
    /// Last sequence that was looked at.
    pub to: u64,
    /// Only events of this entity; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<Entity>,
}

/// An entity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entity {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its id.
    pub id: String,
}

/// Events of one stream with the way of its head to a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// Size of the stream tree the events are proved in.
    pub size: u64,
    /// Root of that tree.
    pub root: Hash,
    /// C2SP tlog-proof of the `HEAD` record of this size and root; its `extra` is salt and record.
    pub tlog_proof: String,
    /// The events, ascending.
    pub events: Vec<BundledEvent>,
}

/// A sequencer key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumberedKey {
    /// Its number.
    pub number: u32,
    /// Ed25519.
    pub public_key: PublicKeyBytes,
}

/// Consistency of the log's sizes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConsistency {
    /// Earlier size of the log; the later one is the checkpoint's.
    pub from_size: u64,
    /// The proof.
    pub path: Vec<Hash>,
}

/// One event: every field that its hashes cover.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundledEvent {
    /// Its place.
    pub sequence: u64,
    /// When it got it, microseconds since 1970: the sequencer's word, which nothing signs.
    pub sequenced_at_us: i64,
    /// 0 unsigned, 1 or 2.
    pub ves_version: u8,
    /// Its id.
    pub event_id: Uuid,
    /// Who made it.
    pub agent_id: Uuid,
    /// What kind of thing changed.
    pub entity_type: String,
    /// Which one.
    pub entity_id: String,
    /// What happened.
    pub event_type: String,
    /// When, as the agent wrote it.
    pub created_at: String,
    /// Number of the payload's form (`docs/spec/commitments.md`).
    pub payload_form: u8,
    /// Hash of the payload.
    pub payload_hash: Hash,
    /// Cipher hash; zero unless encrypted.
    pub cipher_hash: Hash,
    /// The agent's key of a signed event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<u32>,
    /// The agent's signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
    /// Leaf salt of an unsigned event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<Salt>,
    /// Command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_id: Option<Uuid>,
    /// Entity version the agent built on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_version: Option<u64>,
    /// The payload in the exact characters that were received; absent if it was not to be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
    /// The sequencer's receipt, if it made one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<BundledReceipt>,
    /// Siblings in the stream tree, leaf to root. Empty in the key stream, which is there as a whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<Hash>,
}

/// A receipt's signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundledReceipt {
    /// Number of the sequencer key.
    pub key: u32,
    /// Over the receipt hash.
    pub signature: Signature,
}

/// Bytes that are no bundle.
#[derive(Debug, thiserror::Error)]
pub enum NotABundle {
    /// Larger than [`MAX_BYTES`].
    #[error("a bundle has at most {MAX_BYTES} bytes")]
    TooLarge,
    /// Another format, or another version of it.
    #[error("the format is {0:?}; this program reads {FORMAT:?}")]
    Format(String),
    /// Not the JSON of a bundle.
    #[error("not a bundle: {0}")]
    Malformed(#[from] serde_json::Error),
}

#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    format: String,
}

impl Bundle {
    /// Reads a bundle; checks nothing but its form.
    pub fn parse(bytes: &[u8]) -> Result<Self, NotABundle> {
        if bytes.len() > MAX_BYTES {
            return Err(NotABundle::TooLarge);
        }
        let Named { format } = serde_json::from_slice(bytes)?;
        if format != FORMAT {
            return Err(NotABundle::Format(format.chars().take(64).collect()));
        }
        Ok(serde_json::from_slice(bytes)?)
    }

    /// Tenant and store.
    pub fn scope(&self) -> Scope {
        Scope::new(TenantId(self.tenant_id), StoreId(self.store_id))
    }
}

impl BundledEvent {
    /// The event of this header.
    pub fn new(sequence: u64, at: Micros, header: &Header, receipt: Option<ReceiptSignature>) -> Self {
        let (key_id, signature, salt) = match header.seal {
            Seal::Signed { key, signature } => (Some(key.0), Some(signature), None),
            Seal::Unsigned { salt } => (None, None, Some(salt)),
        };
        Self {
            sequence,
            sequenced_at_us: at.0,
            ves_version: header.version.number(),
            event_id: header.event_id.0,
            agent_id: header.agent.0,
            entity_type: header.entity_type.clone(),
            entity_id: header.entity_id.clone(),
            event_type: header.event_type.clone(),
            created_at: header.created_at.clone(),
            payload_form: header.payload_form.number(),
            payload_hash: header.payload_hash,
            cipher_hash: header.cipher_hash,
            key_id,
            signature,
            salt,
            command_id: header.command_id,
            base_version: header.base_version,
            payload: None,
            receipt: receipt.map(|made| BundledReceipt { key: made.key.0, signature: made.signature }),
            path: Vec::new(),
        }
    }

    /// The header, with the content hash that follows from its fields; `None` if the fields contradict each other.
    pub fn header(&self, scope: Scope) -> Option<Header> {
        let version = EnvelopeVersion::from_number(self.ves_version)?;
        let signed = !matches!(version, EnvelopeVersion::Legacy);
        let seal = match (signed, self.key_id, self.signature, self.salt) {
            (true, Some(key), Some(signature), None) => Seal::Signed { key: KeyId(key), signature },
            (false, None, None, Some(salt)) => Seal::Unsigned { salt },
            _ => return None,
        };
        let mut header = Header {
            event_id: EventId(self.event_id),
            version,
            agent: AgentId(self.agent_id),
            entity_type: self.entity_type.clone(),
            entity_id: self.entity_id.clone(),
            event_type: self.event_type.clone(),
            created_at: self.created_at.clone(),
            payload_form: PayloadForm::from_number(self.payload_form)?,
            payload_hash: self.payload_hash,
            cipher_hash: self.cipher_hash,
            content_hash: Hash::ZERO,
            seal,
            command_id: self.command_id,
            base_version: self.base_version,
            order_key: None,
            correlation_id: None,
            annotations: Annotations::default(),
        };
        header.content_hash = header.derive_content_hash(scope);
        Some(header)
    }
}

/// What a tlog-proof of a head carries as `extra`: salt, then record.
pub fn opening(salt: &Salt, record: &Record) -> Vec<u8> {
    [&salt.0[..], &record.to_bytes()].concat()
}
