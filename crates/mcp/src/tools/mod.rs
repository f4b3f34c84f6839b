//! The tools, one file per subject.

pub(crate) mod bulk;
pub(crate) mod events;
pub(crate) mod keys;
pub(crate) mod orders;
pub(crate) mod outbox;

use stateset_inspect::answer::{Change, instant_text};

use crate::gate::{Because, Decision, Reach, decide};
use crate::outcome::Failure;
use crate::plan::Seen;
use crate::tool::Call;

/// What every message of a preview begins with.
pub(crate) const NOT_EXECUTED: &str = "NOT EXECUTED: ";

impl Call {
    /// Whether this call changes anything.
    pub(crate) fn decision(&self, reach: Reach) -> Result<Decision, Failure> {
        decide(reach, self.desk.applies(), &self.asked, &self.desk.plans, &self.bound, self.now)
    }

    /// The id of this preview, and until when it counts, as text.
    pub(crate) fn plan(&self, count: u64, inner: Option<String>) -> (String, String) {
        let (id, until) = self.desk.plans.issue(&self.bound, &Seen { count, inner }, self.now);
        (id, instant_text(until))
    }

    /// The message of a preview that counted `count`, its plan, and until when that counts.
    fn previewed(&self, change: &Change, because: Because, reach: Reach) -> (String, Option<String>, Option<String>) {
        let message = format!("{}. {}", said(&change.message), because.advice(reach));
        if because == Because::ServerReads {
            return (message, None, None);
        }
        let count = change.plan.as_ref().map_or(0, |plan| plan.count);
        let (id, until) = self.plan(count, change.plan_id.clone());
        (message, Some(id), Some(until))
    }
}

/// A preview's message, which begins with [`NOT_EXECUTED`] whatever the source of the sentence, and has no full stop.
fn said(message: &str) -> String {
    let bare = message.strip_prefix(NOT_EXECUTED).unwrap_or(message);
    format!("{NOT_EXECUTED}{}", bare.trim_end_matches('.'))
}
