//! An event as the log keeps it: an immutable [`Header`], the payload's received bytes, and its place.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::bytes::{Hash, Preimage, Salt, Signature};
use crate::domain;
use crate::id::{AgentId, EventId, KeyId, Micros, Scope, Sequence};

/// Which envelope an event came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EnvelopeVersion {
    /// The envelope of the first sequencer: unsigned (a signature of its own form may be present and is not checked).
    Legacy,
    /// VES version 1: signed; `command_id` and `base_version` outside the signature.
    V1,
    /// VES version 2: signed, with `command_id` and `base_version` inside.
    V2,
}

impl EnvelopeVersion {
    /// The number under which it is stored and shown: 0, 1 or 2.
    pub const fn number(self) -> u8 {
        match self {
            Self::Legacy => 0,
            Self::V1 => 1,
            Self::V2 => 2,
        }
    }

    /// The inverse of [`Self::number`].
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Legacy),
            1 => Some(Self::V1),
            2 => Some(Self::V2),
            _ => None,
        }
    }
}

/// How the payload was hashed, and so what its stored bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PayloadForm {
    /// Plain JSON under the VES payload hash.
    Plain,
    /// A `payload_encrypted` object; the server cannot read what is inside.
    Encrypted,
    /// Plain JSON under the published legacy hash: SHA-256 of sorted compact JSON, numbers as written.
    LegacySorted,
    /// Plain JSON under SHA-256 of its RFC 8785 form.
    LegacyCanonical,
}

impl PayloadForm {
    /// The number under which it is stored; 0 and 1 are also the protocol's `payload_kind`.
    pub const fn number(self) -> u8 {
        match self {
            Self::Plain => 0,
            Self::Encrypted => 1,
            Self::LegacySorted => 2,
            Self::LegacyCanonical => 3,
        }
    }

    /// The inverse of [`Self::number`].
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Plain),
            1 => Some(Self::Encrypted),
            2 => Some(Self::LegacySorted),
            3 => Some(Self::LegacyCanonical),
            _ => None,
        }
    }

    /// The protocol's `payload_kind`: 1 for an encrypted payload, else 0.
    pub const fn payload_kind(self) -> u32 {
        match self {
            Self::Encrypted => 1,
            Self::Plain | Self::LegacySorted | Self::LegacyCanonical => 0,
        }
    }
}

/// Optional members that help to find and explain an event. They are unsigned and never compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Annotations {
    /// The event that caused this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<String>,
    /// Version of the payload's schema, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_version: Option<u32>,
    /// A free JSON object, as received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Box<str>>,
    /// W3C trace context of the request that brought the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// A signature of the legacy form; stored and shown as unverifiable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub legacy_signature: Option<String>,
}

impl Annotations {
    /// Whether nothing is set, so that nothing needs storing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Who vouches for an event's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seal {
    /// The agent's Ed25519 signature under its registered key.
    Signed {
        /// Which of the agent's keys.
        key: KeyId,
        /// Over the event signing hash.
        signature: Signature,
    },
    /// Nobody; a salt keeps the leaf from revealing a low-entropy event.
    Unsigned {
        /// Random, made by the sequencer.
        salt: Salt,
    },
}

/// Everything of an event that never changes once it is sequenced, except its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Identity within the scope.
    pub event_id: EventId,
    /// Which envelope it came in.
    pub version: EnvelopeVersion,
    /// The agent that made it.
    pub agent: AgentId,
    /// What kind of thing changed, `order`.
    pub entity_type: String,
    /// Which one changed.
    pub entity_id: String,
    /// What happened, `order.created`.
    pub event_type: String,
    /// When, in the exact characters received, because they are signed.
    pub created_at: String,
    /// How the payload was hashed.
    pub payload_form: PayloadForm,
    /// The stated and checked payload hash.
    pub payload_hash: Hash,
    /// The stated and checked cipher hash; zero for a plain payload.
    pub cipher_hash: Hash,
    /// Signing hash of a signed event, field hash of an unsigned one.
    pub content_hash: Hash,
    /// Signature or salt.
    pub seal: Seal,
    /// Groups the events of one command.
    pub command_id: Option<Uuid>,
    /// Entity version the agent built on.
    pub base_version: Option<u64>,
    /// Root aggregate: lane, Kafka key, timeline.
    pub order_key: Option<String>,
    /// Ties the events of one operation together.
    pub correlation_id: Option<String>,
    /// The rest.
    pub annotations: Annotations,
}

impl Header {
    /// This event's leaf at `sequence` of `scope`: the 32 bytes that enter both trees.
    pub fn leaf(&self, scope: Scope, sequence: Sequence) -> Hash {
        leaf(scope, sequence, &self.content_hash, &self.seal)
    }

    /// Whether `other` is the same event: two copies of one event in one batch.
    pub fn same_as(&self, other: &Self) -> bool {
        self.content_hash == other.content_hash
            && self.command_id == other.command_id
            && self.base_version == other.base_version
    }

    /// Whether `known`, stored under the same id, is the same event (a retry) rather than another one.
    ///
    /// Version 1 leaves `command_id` and `base_version` unsigned, so they are compared beside the hash.
    pub fn same_content(&self, known: &KnownEvent) -> bool {
        self.content_hash == known.content_hash
            && self.command_id == known.command_id
            && self.base_version == known.base_version
    }
}

/// The leaf of an event from the parts that are stored.
pub fn leaf(scope: Scope, sequence: Sequence, content_hash: &Hash, seal: &Seal) -> Hash {
    let domain = match seal {
        Seal::Signed { .. } => domain::LEAF,
        Seal::Unsigned { .. } => domain::UNSIGNED_LEAF,
    };
    let place = Preimage::new(domain).fixed(scope.tenant.as_bytes()).fixed(scope.store.as_bytes()).u64(sequence.get());
    match seal {
        Seal::Signed { signature, .. } => place.fixed(&content_hash.0).fixed(&signature.0).hash(),
        Seal::Unsigned { salt } => place.fixed(&salt.0).fixed(&content_hash.0).hash(),
    }
}

/// What the log remembers of an event when its id comes again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownEvent {
    /// Its id.
    pub event_id: EventId,
    /// Its place.
    pub sequence: Sequence,
    /// When it got its place.
    pub sequenced_at: Micros,
    /// Its content.
    pub content_hash: Hash,
    /// Its seal; an equal signature over an equal hash need not be verified twice.
    pub seal: Seal,
    /// See [`Header::command_id`].
    pub command_id: Option<Uuid>,
    /// See [`Header::base_version`].
    pub base_version: Option<u64>,
    /// The receipt signature given when it was sequenced, if one was asked for.
    pub receipt: Option<ReceiptSignature>,
}

/// The sequencer's signature on one event's receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiptSignature {
    /// Which sequencer key.
    pub key: KeyId,
    /// Over the receipt hash.
    pub signature: Signature,
}

/// An event that is admissible in itself and waits for its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Header with the seal the event will keep.
    pub header: Header,
    /// The payload (or `payload_encrypted`) exactly as received.
    pub payload: Box<[u8]>,
    /// Members that were not understood, and other things worth telling the sender.
    pub warnings: Vec<String>,
}
