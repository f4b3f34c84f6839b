//! Timelines, statistics, explanations, findings, the audit.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Diagnostics, EventRow};

/// Events of one entity, one order or one correlation, in order.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Timeline {
    /// The events, with those of other entities of the same order.
    pub events: Vec<EventRow>,
    /// Number of events.
    pub total: u64,
    /// Asks for the next page; null at the end.
    pub next_cursor: Option<String>,
    /// What the timeline is of.
    pub subject: String,
    /// Deliveries that are not finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_deliveries: Option<u64>,
    /// Why nothing was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diagnostics: Option<Diagnostics>,
}

/// Numbers of events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Stats {
    /// Events that pass.
    pub total: u64,
    /// When the first was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_at: Option<String>,
    /// When the last was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_at: Option<String>,
    /// By type, the most frequent first.
    pub types: Vec<TypeCount>,
    /// Place of the last event; only a sequencer knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_sequence: Option<u64>,
}

/// Events of one type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct TypeCount {
    /// The type.
    pub event_type: String,
    /// How many.
    pub count: u64,
}

/// Where something is, why, since when, what happens next, and what to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Explanation {
    /// What is explained.
    pub subject: String,
    /// One sentence.
    pub summary: String,
    /// Sentences, the most important first.
    pub reasons: Vec<String>,
    /// What happens by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Commands that look closer or mend it, exactly as they are typed.
    pub commands: Vec<String>,
    /// The facts that the sentences are made of.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub facts: Value,
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Findings {
    /// No finding is an error.
    pub ok: bool,
    /// One by one.
    pub findings: Vec<Finding>,
}

/// One fact of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Finding {
    /// `ok`, `warning`, `error`.
    pub level: String,
    /// What was looked at.
    pub check: String,
    /// What was found.
    pub message: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// What was done by whom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct AuditList {
    /// Newest first.
    pub entries: Vec<AuditEntry>,
    /// Number of entries on this page.
    pub count: u64,
    /// Asks for the next page; null at the end.
    pub next_cursor: Option<String>,
}

/// One intervention.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct AuditEntry {
    /// When.
    pub at: String,
    /// By whom.
    pub actor: String,
    /// What, such as `dead_letter.redriven`.
    pub action: String,
    /// On what: a kind, a colon, its id.
    pub subject: String,
    /// What it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What it became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Why, in the actor's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The bulk action it was a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
}
