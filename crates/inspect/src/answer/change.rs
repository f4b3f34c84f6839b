//! What a write would do, did, or is doing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The answer of every write. `applied` comes first, so that a preview cannot be taken for success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Change {
    /// Whether anything was changed.
    pub applied: bool,
    /// What was, or would be, done.
    pub action: String,
    /// For people. A preview begins with `NOT EXECUTED`.
    pub message: String,
    /// Names the preview, to be given with the write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_id: Option<String>,
    /// The job that carries it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// Exactly what, as far as it can be told beforehand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Planned>,
    /// Whatever belongs to the action.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub result: Value,
    /// The command that does it, exactly as it is typed; only on a preview.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apply_with: Option<String>,
}

/// What a bulk action touches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Planned {
    /// Events or deliveries.
    pub count: u64,
    /// Lanes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lanes: Option<u64>,
    /// Deliveries that wait behind them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub followers: Option<u64>,
    /// Whether `count` is the number, or only a lower bound of it.
    pub exact: bool,
    /// Where they go, and how many.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub destinations: BTreeMap<String, u64>,
    /// What would be left alone, and why.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub skipped: BTreeMap<String, u64>,
    /// The first few.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sample: Vec<Sample>,
}

/// One of those a bulk action touches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Sample {
    /// `evt_…`.
    pub event_id: String,
    /// Such as `order.created`.
    pub event_type: String,
    /// Its lane.
    pub lane: String,
    /// Where it goes.
    pub destination: String,
    /// How its delivery there stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// A bulk action at work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Job {
    /// Names it.
    pub job_id: String,
    /// `replay`, `redrive`, `discard`, `acknowledge`.
    pub kind: String,
    /// How it stands.
    pub state: String,
    /// Done so far.
    pub done: u64,
    /// Of so many.
    pub total: u64,
    /// Looked at and left alone.
    pub skipped: u64,
    /// Which events, as a filter.
    pub filter: String,
    /// Of a replay: its deliveries by state.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub deliveries: BTreeMap<String, u64>,
    /// Who began it.
    pub actor: String,
    /// When.
    pub created_at: String,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
    /// Most per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_per_second: Option<u32>,
    /// Why it stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Jobs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct JobList {
    /// Newest first.
    pub jobs: Vec<Job>,
    /// How many.
    pub total: u64,
}
