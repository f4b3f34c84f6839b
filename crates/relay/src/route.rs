//! Which events go where, and what happens when they cannot.

use std::fmt;

use serde::{Deserialize, Serialize};
use stateset_ledger::glob;

use crate::backoff::Backoff;

/// Longest name of a destination in bytes: it is part of keys and of metric labels.
const NAME_BYTES: usize = 64;

/// What happens to the rest of a lane when one of its events is dead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnDead {
    /// It waits until the dead letter is redriven or discarded.
    #[default]
    Wait,
    /// It goes on.
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

/// How one destination is treated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Waits between attempts.
    pub backoff: Backoff,
    /// What a dead letter does to its lane.
    pub on_dead: OnDead,
    /// What acknowledges a delivery.
    pub ack: Ack,
}

/// One version of a rule: events of these types go to this destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Name of the destination.
    pub destination: String,
    /// Patterns over event types; one must match.
    pub types: Vec<TypeGlob>,
    /// How its deliveries are treated.
    pub policy: Policy,
    /// Counts from 1; a later version replaces the earlier ones from its own start on.
    pub version: u32,
    /// First place in the log that this version judges.
    pub from: i64,
}

/// A pattern over event types: `*` stands for any run of characters, everything else for itself.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TypeGlob(String);

/// Text that cannot match any event type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no pattern over event types: use lower-case letters, digits, `_`, `.` and `*`, such as `order.*`")]
pub struct NotAGlob(String);

/// A destination's name that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} cannot name a destination: use 1 to 64 lower-case letters, digits, `-`, `_` and `.`")]
pub struct NotAName(String);

impl TypeGlob {
    /// Checks the pattern, because one that can match nothing would silently deliver nothing.
    pub fn new(text: &str) -> Result<Self, NotAGlob> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.*".contains(&b);
        if text.is_empty() || text.len() > 128 || !text.bytes().all(allowed) {
            return Err(NotAGlob(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether an event of this type is meant.
    pub fn matches(&self, event_type: &str) -> bool {
        glob::matches(&self.0, event_type)
    }
}

impl fmt::Display for TypeGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TypeGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

/// Checks a destination's name.
pub fn check_name(name: &str) -> Result<(), NotAName> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b);
    if name.is_empty() || name.len() > NAME_BYTES || !name.bytes().all(allowed) {
        return Err(NotAName(name.to_owned()));
    }
    Ok(())
}

/// The version of `destination`'s route that judges the event at `log_id`, if that version wants its type.
///
/// A destination has one route; of its versions the latest that had begun decides.
pub fn judge<'a>(versions: &'a [Route], destination: &str, log_id: i64, event_type: &str) -> Option<&'a Route> {
    versions
        .iter()
        .filter(|route| route.destination == destination && route.from <= log_id)
        .max_by_key(|route| route.version)
        .filter(|route| route.types.iter().any(|glob| glob.matches(event_type)))
}
