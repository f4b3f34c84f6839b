//! Idempotency keys.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// What is known of a key. `status` comes first: it is what a caller branches on.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct KeyAnswer {
    /// `not_found`, `active`, `in_progress`, `completed`, `failed`, `uncertain`, `expired`.
    pub status: String,
    /// The key.
    pub key: String,
    /// Whose key it is; the same key of another operation is another key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Counts expiries and resets, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u32>,
    /// On every event of the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_id: Option<String>,
    /// SHA-256 of the request, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// When it was first used or reserved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// When its command was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<String>,
    /// When it may be used anew; left out while its command is at work, which never expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// Events that the command wrote, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub event_ids: Vec<String>,
    /// HTTP status of the stored answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_status: Option<u16>,
    /// The stored answer, if it is JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Box<RawValue>>,
    /// When to ask again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// What a caller whose own request was lost does: `new_request`, `same_key`, `use_result`, `operator`.
    pub disposition: String,
    /// The same in words.
    pub explanation: String,
}

/// Keys that were searched for.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct KeyList {
    /// Of this page, newest first.
    pub keys: Vec<KeyAnswer>,
    /// Number found.
    pub total: u64,
}
