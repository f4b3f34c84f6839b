//! Events, heads and cursors as readers get them.
//!
//! Two spellings of one event: [`Envelope`] carries the signed fields as the agent wrote them, so that whoever reads one
//! can hash and verify it; [`FlatEvent`] has the names of the first API. Payloads are raw JSON, byte for byte as received:
//! `1.10` stays `1.10`.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use stateset_ledger::bytes::{Hash, Signature};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ingest::FlatReceipt;

/// Who vouches for an event that was read without checking it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignatureState {
    /// Its agent; the signature was verified before the event got its place.
    Signed,
    /// Nobody.
    Absent,
    /// It came with a signature of the first API's form, which proves nothing.
    Unverifiable,
}

/// What `payload_hash` was taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PayloadHashForm {
    /// `VES_PAYLOAD_PLAIN_V1` and the RFC 8785 form.
    Ves,
    /// The same over a plain text that only the recipients know.
    VesEncrypted,
    /// Sorted compact JSON, numbers as written.
    LegacySorted,
    /// The RFC 8785 form without a domain.
    LegacyCanonical,
}

/// A VES envelope with its place. Hex inside is prefixed with `0x`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Envelope {
    /// 1 or 2; 0 for an event that came through the first API.
    pub ves_version: u8,
    /// Identity within tenant and store.
    pub event_id: Uuid,
    /// Owner of the store.
    pub tenant_id: Uuid,
    /// The store.
    pub store_id: Uuid,
    /// The agent that made it.
    pub source_agent_id: Uuid,
    /// Which of the agent's keys signed; left out for an unsigned event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_key_id: Option<u32>,
    /// What kind of thing changed.
    pub entity_type: String,
    /// Which one.
    pub entity_id: String,
    /// What happened.
    pub event_type: String,
    /// When, in the characters that were signed.
    pub created_at: String,
    /// 0 plain, 1 encrypted.
    pub payload_kind: u32,
    /// The payload as received; left out if it is encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub payload: Option<Box<RawValue>>,
    /// The encrypted payload as received; left out if it is plain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub payload_encrypted: Option<Box<RawValue>>,
    /// The stated and checked payload hash.
    pub payload_plain_hash: String,
    /// The stated and checked cipher hash; zero for a plain payload.
    pub payload_cipher_hash: String,
    /// What the payload hash was taken over; only for version 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload_hash_form: Option<PayloadHashForm>,
    /// The agent's signature; left out for an unsigned event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_signature: Option<String>,
    /// `absent` or `unverifiable` for an event nobody signed; left out for a signed one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<SignatureState>,
    /// A signature of the first API's form, as received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub legacy_signature: Option<Box<RawValue>>,
    /// The salt of an unsigned event's leaf, so that a reader can derive the leaf.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaf_salt: Option<String>,
    /// Groups the events of one command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_id: Option<Uuid>,
    /// Entity version the agent built on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_version: Option<u64>,
    /// Root aggregate. Unsigned, like the following members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_key: Option<String>,
    /// Ties the events of one operation together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// The event that caused this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<String>,
    /// Version of the payload's schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_version: Option<u32>,
    /// A free JSON object, as received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Box<RawValue>>,
    /// W3C trace context of the request that brought the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// Its place.
    pub sequence_number: u64,
    /// When it got it, RFC 3339.
    pub sequenced_at: String,
}

/// The same event under the names of the first API.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct FlatEvent {
    /// Identity within tenant and store.
    pub event_id: Uuid,
    /// Owner of the store.
    pub tenant_id: Uuid,
    /// The store.
    pub store_id: Uuid,
    /// What kind of thing changed.
    pub entity_type: String,
    /// Which one.
    pub entity_id: String,
    /// What happened.
    pub event_type: String,
    /// The payload as received; left out if it is encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub payload: Option<Box<RawValue>>,
    /// The encrypted payload as received; left out if it is plain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub payload_encrypted: Option<Box<RawValue>>,
    /// The stated and checked payload hash.
    #[schema(value_type = String)]
    pub payload_hash: Hash,
    /// What it was taken over.
    pub payload_hash_form: PayloadHashForm,
    /// When, in the characters received.
    pub created_at: String,
    /// The agent that made it.
    pub source_agent: Uuid,
    /// Who vouches for it.
    pub signature_state: SignatureState,
    /// A signature of the first API's form, as received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub signature: Option<Box<RawValue>>,
    /// Groups the events of one command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_id: Option<Uuid>,
    /// Entity version the agent built on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_version: Option<u64>,
    /// Root aggregate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_key: Option<String>,
    /// Ties the events of one operation together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// The event that caused this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<String>,
    /// Version of the payload's schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_version: Option<u32>,
    /// A free JSON object, as received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Box<RawValue>>,
    /// W3C trace context of the request that brought the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// Its place.
    pub sequence_number: u64,
    /// When it got it, RFC 3339.
    pub sequenced_at: String,
}

/// One page of a stream, in order.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EventPage<E> {
    /// The events.
    pub events: Vec<E>,
    /// Number of events in the stream that pass the filters, on this page or not. Where no index answers the filters, only
    /// some of the stream is looked at: at least so many.
    pub total: u64,
    /// Whether `total` is the number, or only a lower bound of it.
    pub total_exact: bool,
    /// Number of events on this page.
    pub count: usize,
    /// `from` of the next page, or of the first event that is still to come; with `order=newest`, `upto` of the next page.
    pub next_sequence: u64,
    /// Events in the stream.
    pub head_sequence: u64,
    /// Whether more events may pass the filters behind this page. A page for filters that no index answers ends after 10,000
    /// events that were looked at: it may have fewer events than were asked for, or none, and more behind it.
    pub has_more: bool,
    /// Why nothing was found; only if no event that was looked at passes the filters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diagnostics: Option<Diagnostics>,
}

/// Which filter is to blame for an empty result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Diagnostics {
    /// For each filter that was set: what would be found if it were left out.
    pub without: Vec<WithoutFilter>,
    /// If no event has the requested type: the nearest type among the latest events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nearest_event_type: Option<String>,
}

/// The effect of one filter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WithoutFilter {
    /// Name of the parameter.
    pub filter: String,
    /// Number of events that pass all other filters.
    pub total: u64,
    /// Whether `total` is the number, or only a lower bound of it.
    pub total_exact: bool,
}

/// History of one entity, in order.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EntityHistory<E> {
    /// What kind of thing.
    pub entity_type: String,
    /// Which one.
    pub entity_id: String,
    /// The events.
    pub events: Vec<E>,
    /// Number of events on this page.
    pub count: usize,
    /// Number of the entity's events that pass the other filters.
    pub total: u64,
    /// Whether `total` is the number, or only a lower bound of it.
    pub total_exact: bool,
    /// Number of the entity's events: what `base_version` of the next one may say.
    pub current_version: u64,
    /// `from` of the next page, or of the first event that is still to come; with `order=newest`, `upto` of the next page.
    pub next_sequence: u64,
    /// Whether more events follow behind this page.
    pub has_more: bool,
    /// Events in the stream.
    pub head_sequence: u64,
    /// Why nothing was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diagnostics: Option<Diagnostics>,
}

/// One event with its evidence.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SingleEvent {
    /// The envelope.
    pub event: Envelope,
    /// The sequencer's word for its place, as the ingest reply gave it.
    pub receipt: FlatReceipt,
    /// What checking its hashes and its signature gave just now.
    pub signature: SignatureVerdict,
    /// Which proofs can be had.
    pub proof: ProofAvailability,
}

/// Result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerdictState {
    /// The hashes fit the stored bytes and the agent's signature verifies.
    Verified,
    /// The hashes fit; nobody signed.
    Absent,
    /// The hashes fit; the signature cannot be checked, for the cause given.
    Unverifiable,
    /// Something does not fit, as the cause says: the stored event is not the one that was admitted.
    Invalid,
}

/// What checking an event's hashes and signature gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignatureVerdict {
    /// The result.
    pub state: VerdictState,
    /// The hash derived from the stored fields: what a signed event's signature is over.
    #[schema(value_type = String)]
    pub content_hash: Hash,
    /// Which of the agent's keys signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<u32>,
    /// That key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
    /// Whether it may sign now: `active`, `not_yet_valid`, `expired` or `revoked`. What it signed before stays valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_status: Option<String>,
    /// Why the state is `unverifiable` or `invalid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// Which proofs of an event can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProofAvailability {
    /// Size of the stream tree, for which an inclusion proof can be had at once.
    pub stream_size: u64,
    /// The VES batch that covers the event, once it is committed.
    pub batch_id: Option<Uuid>,
    /// Whether the head log pins a stream head that covers the event.
    pub logged: bool,
}

/// Where a stream stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Head {
    /// Place of the last event, 0 if there is none.
    pub head_sequence: u64,
    /// Leaves of the stream tree, which is the same number.
    pub size: u64,
    /// Root of the stream tree.
    #[schema(value_type = String)]
    pub root: Hash,
    /// `VES_STREAM_V1` over tenant and store.
    #[schema(value_type = String)]
    pub stream_id: Hash,
    /// The sequencer's signature over `VES_FLUSH_V1` of the head; null while the stream is empty.
    #[schema(value_type = Option<String>)]
    pub signature: Option<Signature>,
    /// Which sequencer key signed.
    pub key_version: Option<u32>,
    /// Microseconds since 1970 at which the head was signed.
    pub signed_at_us: Option<i64>,
    /// The newest signed checkpoint of the head log; null before the first.
    pub checkpoint: Option<String>,
}

/// How far a puller has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cursor {
    /// Last place it has acknowledged, 0 if none.
    pub acknowledged_sequence: u64,
    /// Events in the stream.
    pub head_sequence: u64,
    /// Events behind the acknowledged one.
    pub lag: u64,
    /// When it was last moved, RFC 3339; null before the first acknowledgement.
    pub updated_at: Option<String>,
}

/// Body of `PUT /api/v1/ves/cursors/{agent_id}`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdvanceCursor {
    /// Owner of the store.
    #[serde(alias = "tenant_id")]
    pub tenant_id: Uuid,
    /// The store.
    #[serde(alias = "store_id")]
    pub store_id: Uuid,
    /// Last place the puller has done with.
    #[serde(alias = "sequence_number")]
    pub sequence_number: u64,
}
