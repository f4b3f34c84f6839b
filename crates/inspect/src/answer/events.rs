//! Events.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Delivery;

/// One event in a list.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct EventRow {
    /// `evt_…`, the display form of the event's UUID.
    pub event_id: String,
    /// Such as `order.created`.
    pub event_type: String,
    /// Such as `order`.
    pub entity_type: String,
    /// Such as `ord_123`.
    pub entity_id: String,
    /// When, in the producer's own characters.
    pub created_at: String,
    /// Place in its stream at the sequencer; left out until it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence_number: Option<u64>,
    /// Place in the local log; left out by a sequencer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_sequence: Option<i64>,
    /// The UUID that `event_id` displays.
    pub event_uuid: String,
    /// Root the event belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_key: Option<String>,
    /// Ties the events of one operation together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// The event or request that caused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<String>,
    /// The operation that wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_id: Option<String>,
    /// Version of the payload's schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_version: Option<u32>,
    /// Dedupes the fact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_key: Option<String>,
    /// The agent that made or signs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_agent: Option<String>,
    /// The agent's Ed25519 signature, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_signature: Option<String>,
    /// When the log got it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded_at: Option<String>,
    /// The replay that delivered it again; only where deliveries are followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay_job: Option<String>,
    /// The payload as written, byte for byte; only where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Box<RawValue>>,
    /// Free and unsigned; only where the payload was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Box<RawValue>>,
}

/// `{"events":[…],"total":n}` and what follows.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct EventList {
    /// The events of this page, in the order of the log.
    pub events: Vec<EventRow>,
    /// Number of events that pass the filter, on this page or not.
    pub total: u64,
    /// Asks for the next page; null at the end.
    pub next_cursor: Option<String>,
    /// Whether `total` is the number, or only a lower bound of it.
    pub total_exact: bool,
    /// No index answers the whole filter, and a page looks at so many events one by one and no more: there may be others
    /// that pass. `next_cursor` goes on where it stopped.
    #[serde(default, skip_serializing_if = "is_false")]
    pub partial: bool,
    /// How many events were looked at for a `partial` page, where the source says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looked_at: Option<u64>,
    /// Why nothing was found; only if nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diagnostics: Option<Diagnostics>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
pub(super) fn is_false(flag: &bool) -> bool {
    !*flag
}

/// Which filter is to blame for an empty result.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Diagnostics {
    /// Events there are without any filter.
    pub unfiltered: u64,
    /// For each filter that was set: what would be found if it were left out.
    pub without: Vec<WithoutFilter>,
    /// Known types near the one that was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nearest_event_types: Vec<String>,
    /// The known destination nearest to the one that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nearest_destination: Option<String>,
}

/// The effect of one filter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct WithoutFilter {
    /// The filter as it was written.
    pub filter: String,
    /// Number of events that pass all others.
    pub total: u64,
    /// Whether `total` is the number, or only a lower bound of it.
    pub total_exact: bool,
}

/// One event with everything that is known of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Detail {
    /// The event.
    pub event: EventRow,
    /// Who vouches for it.
    pub signature: Signature,
    /// Where it went; empty at a sequencer, which delivers nothing.
    pub deliveries: Vec<Delivery>,
    /// Which proofs can be had; left out by an outbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
}

/// Who vouches for an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Signature {
    /// What checking gave.
    pub state: Verdict,
    /// The agent whose signature it is, or will be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Which of its keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<u64>,
    /// The hash that is signed, derived from the stored fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_hash: Option<String>,
    /// Whether the key may sign now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_status: Option<String>,
    /// In words, and what to do about it.
    pub explanation: String,
}

/// What checking a signature gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The hashes fit the stored bytes and the signature verifies.
    Verified,
    /// Nobody signed.
    Absent,
    /// It is signed when it is pushed, with the agent and the key stored beside it.
    AtPush,
    /// The signature cannot be checked.
    Unverifiable,
    /// The stored event is not the one that was signed.
    Invalid,
}

/// Which proofs of an event can be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Proof {
    /// Size of the stream tree.
    pub stream_size: u64,
    /// The batch that covers the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_id: Option<String>,
    /// Whether the head log covers it.
    pub logged: bool,
}
