//! Deliveries, destinations, dead letters.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Diagnostics;

/// One event on one destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Delivery {
    /// `evt_…`.
    pub event_id: String,
    /// Such as `order.created`.
    pub event_type: String,
    /// Such as `order`.
    pub entity_type: String,
    /// Such as `ord_123`.
    pub entity_id: String,
    /// Root the event belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_key: Option<String>,
    /// Where to.
    pub destination: String,
    /// `Pending`, `Synced`, `Failed`, `Acknowledged`.
    pub status: String,
    /// The state that the status is a view of.
    pub state: String,
    /// Whether it still goes on by itself.
    pub will_retry: bool,
    /// Why it is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Real tries so far.
    pub attempts: u32,
    /// Tries after which it is given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_attempts: Option<u32>,
    /// When it is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<String>,
    /// Class of the last failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_class: Option<String>,
    /// The last failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When the event was made.
    pub created_at: String,
    /// When the destination had it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<String>,
    /// When there was evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_at: Option<String>,
    /// Its place at the destination.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence_number: Option<u64>,
    /// The replay that this delivery belongs to; left out for the first delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay_job: Option<String>,
    /// Its tries; only where they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<Vec<Attempt>>,
}

/// One try.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Attempt {
    /// 1, 2, 3; goes on after a redrive.
    pub number: u32,
    /// When it began.
    pub started_at: String,
    /// How long it took.
    pub duration_us: i64,
    /// `accepted`, `retry`, `refused`, `rejected`.
    pub outcome: String,
    /// Class of the failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Name and version of the worker.
    pub worker: String,
}

/// Deliveries in the words of the outbox.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct OutboxAnswer {
    /// The deliveries of this page.
    pub deliveries: Vec<Delivery>,
    /// Number of events with such a delivery, on this page or not.
    pub total: u64,
    /// Asks for the next page; null at the end.
    pub next_cursor: Option<String>,
    /// Whether `total` is the number, or only a lower bound of it.
    pub total_exact: bool,
    /// Deliveries by status, over all destinations that were asked about.
    pub counts: StatusCounts,
    /// How each destination stands.
    pub destinations: Vec<DestinationStatus>,
    /// Why nothing was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diagnostics: Option<Diagnostics>,
}

/// Open and failed deliveries by status. Finished ones are events, and not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct StatusCounts {
    /// Wait for their turn.
    pub pending: u64,
    /// There are more than `pending` says.
    #[serde(default, skip_serializing_if = "super::events::is_false")]
    pub pending_capped: bool,
    /// Failed; some will be tried again.
    pub failed: u64,
    /// Of those: the ones that will.
    pub failed_will_retry: u64,
}

/// How one destination stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct DestinationStatus {
    /// Its name.
    pub destination: String,
    /// `sequencer`, `kafka`, `webhook`, `handler`, `mail`.
    pub kind: String,
    /// Deliveries by canonical state; those without a row of their own count as pending.
    pub states: BTreeMap<String, u64>,
    /// There are more pending than said.
    #[serde(default, skip_serializing_if = "super::events::is_false")]
    pub pending_capped: bool,
    /// Age of the oldest event that is not finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_pending_ms: Option<u64>,
    /// Lanes that wait behind a failure.
    pub parked_lanes: u64,
    /// Open dead letters.
    pub dead_letters: u64,
    /// Whether it is up.
    pub breaker: BreakerAnswer,
    /// Workers with a live lease.
    pub workers: Vec<String>,
    /// Events it got in the last 24 hours, from the marks that are kept.
    pub passed_last_day: u64,
}

/// Whether a destination is up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct BreakerAnswer {
    /// `closed`, `open`, `half_open`.
    pub state: String,
    /// Consecutive failures.
    pub failures: u32,
    /// The last of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How long it has been so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_ms: Option<u64>,
    /// When it is tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe_in_ms: Option<u64>,
}

/// A delivery that was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct DeadLetter {
    /// Names it in `dlq redrive` and `dlq discard`.
    pub dead_letter: String,
    /// `evt_…`.
    pub event_id: String,
    /// Such as `order.created`.
    pub event_type: String,
    /// Where it could not go.
    pub destination: String,
    /// Its lane: order key, or entity.
    pub lane: String,
    /// `exhausted`, `refused`, `undecodable`.
    pub class: String,
    /// The last failure.
    pub error: String,
    /// Tries it took.
    pub attempts: u32,
    /// When it was given up.
    pub failed_at: String,
    /// When it was redriven or discarded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<String>,
    /// `redriven`, `discarded`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<String>,
}

/// Dead letters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct DeadLetterList {
    /// Of this page.
    pub dead_letters: Vec<DeadLetter>,
    /// Number that pass.
    pub total: u64,
    /// Asks for the next page; null at the end.
    pub next_cursor: Option<String>,
    /// Whether `total` is the number, or only a lower bound of it.
    pub total_exact: bool,
    /// By error, if that was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<DeadLetterGroup>,
    /// Why nothing was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diagnostics: Option<Diagnostics>,
}

/// Dead letters that failed alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct DeadLetterGroup {
    /// What they have in common.
    pub group: String,
    /// How many.
    pub count: u64,
    /// When the first was given up.
    pub first_failed_at: String,
    /// When the last was.
    pub last_failed_at: String,
    /// One of them.
    pub sample_event_id: String,
}
