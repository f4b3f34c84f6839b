//! How the deliveries of one route are treated. Stored with each version of the route, as JSON.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::backoff::Backoff;

/// What happens to the rest of a lane when one of its events is dead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnDead {
    /// It waits until the dead letter is redriven or discarded.
    #[default]
    Wait,
    /// It goes on: log and skip.
    Continue,
    /// The whole destination stops until an operator resumes it.
    Stop,
}

/// When a delivery counts as acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ack {
    /// Never: delivered is final.
    #[default]
    None,
    /// When the sink returns evidence.
    Receipt,
    /// When the consumer calls back.
    Consumer,
    /// When an operator says so.
    Manual,
}

/// The policy of one version of a route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Waits between attempts.
    pub backoff: Backoff,
    /// What a dead letter does to its lane.
    pub on_dead: OnDead,
    /// What acknowledges a delivery.
    pub ack: Ack,
}

/// A policy that cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error("the policy cannot be understood")]
pub struct NotAPolicy(#[source] serde_json::Error);

/// The stored form. Every member is written, in this order, because versions of a route are compared as text.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Stored {
    on_dead: OnDead,
    ack: Ack,
    retries: u32,
    initial_ms: u64,
    factor: u32,
    max_ms: u64,
    jitter_percent: u8,
}

impl Default for Stored {
    fn default() -> Self {
        Self::from(&Policy::default())
    }
}

impl From<&Policy> for Stored {
    fn from(policy: &Policy) -> Self {
        let backoff = policy.backoff;
        Self {
            on_dead: policy.on_dead,
            ack: policy.ack,
            retries: backoff.retries,
            initial_ms: milliseconds(backoff.initial),
            factor: backoff.factor,
            max_ms: milliseconds(backoff.max),
            jitter_percent: backoff.jitter_percent,
        }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Policy {
    /// Reads the stored form; a member that is absent has its default, one that is unknown is refused.
    pub fn from_json(text: &str) -> Result<Self, NotAPolicy> {
        let stored: Stored = serde_json::from_str(text).map_err(NotAPolicy)?;
        Ok(Self {
            backoff: Backoff {
                initial: Duration::from_millis(stored.initial_ms),
                factor: stored.factor,
                max: Duration::from_millis(stored.max_ms),
                retries: stored.retries,
                jitter_percent: stored.jitter_percent,
            },
            on_dead: stored.on_dead,
            ack: stored.ack,
        })
    }

    /// The stored form.
    pub fn to_json(&self) -> String {
        serde_json::to_string(&Stored::from(self)).expect("numbers and words have a JSON form")
    }
}
