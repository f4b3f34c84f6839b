//! Where something is, why, since when, what happens next, and what would mend it.
//!
//! Facts are read by [`crate::read::Reader`]; what they mean is decided by the pure functions of `rules`. The words are
//! data for whoever shows them; the commands are those of the program `stateset-events`.

mod read;
mod rules;

pub use rules::{DeliveryFacts, KeyFacts, explain_delivery, explain_destination, explain_key, explain_nowhere};

use crate::filter::EventRef;

/// What is to be explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// An event.
    Event(EventRef),
    /// An order key: everything that belongs to one root.
    OrderKey(String),
    /// An idempotency key; `None`: of any operation.
    IdempotencyKey {
        /// Its operation.
        operation: Option<String>,
        /// The caller's key.
        key: String,
    },
    /// A destination.
    Destination(String),
}

/// How urgent a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Urgency {
    /// As it should be.
    Fine,
    /// It goes on by itself.
    Waiting,
    /// Somebody has to do something.
    Stuck,
}

/// One line of an explanation. Times are microseconds since 1970 UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What it is about: `kafka`, `checkout k1`, …
    pub place: String,
    /// The state in one word.
    pub state: String,
    /// Whether somebody has to do something.
    pub urgency: Urgency,
    /// Why it is so.
    pub why: String,
    /// Since when.
    pub since: Option<i64>,
    /// What happens next.
    pub next: String,
    /// And when, if that is known.
    pub at: Option<i64>,
    /// The command that mends it.
    pub fix: Option<String>,
}

/// An explanation, the most urgent line first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What was explained.
    pub subject: String,
    /// The database's clock, microseconds since 1970 UTC.
    pub now: i64,
    /// One line for each place it is at.
    pub lines: Vec<Line>,
    /// What an event or key wrote or belongs to: events, by place in the log and id.
    pub events: Vec<(i64, uuid::Uuid)>,
}

impl Explanation {
    fn new(subject: String, now: i64, mut lines: Vec<Line>, events: Vec<(i64, uuid::Uuid)>) -> Self {
        lines.sort_by_key(|line| std::cmp::Reverse(line.urgency));
        Self { subject, now, lines, events }
    }
}
