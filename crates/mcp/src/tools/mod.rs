//! The tools, one file per subject.

pub(crate) mod bulk;
pub(crate) mod events;
pub(crate) mod keys;
pub(crate) mod orders;
pub(crate) mod outbox;

use stateset_inspect::answer::instant_text;

use crate::gate::{Because, Decision, Reach, decide};
use crate::outcome::Failure;
use crate::tool::Call;
use crate::tools::bulk::BulkChange;

/// What every message of a preview begins with.
pub(crate) const NOT_EXECUTED: &str = "NOT EXECUTED: ";

impl Call {
    /// Whether this call changes anything.
    pub(crate) fn decision(&self, reach: Reach) -> Result<Decision<BulkChange>, Failure> {
        decide(reach, self.desk.applies(), &self.asked, &self.desk.plans, &self.bound, self.now)
    }

    /// The message of a preview, its plan, and until when that counts. Where nothing can be applied there is no plan.
    fn previewed(&self, message: &str, inner: Option<String>, because: Because, reach: Reach) -> Result<Previewed, Failure> {
        let message = format!("{}. {}", said(message), because.advice(reach));
        if because == Because::ServerReads {
            return Ok(Previewed { message, plan_id: None, plan_expires_at: None });
        }
        let (id, until) = self.desk.plans.issue(&self.bound, inner, self.now)?;
        Ok(Previewed { message, plan_id: Some(id), plan_expires_at: Some(instant_text(until)) })
    }
}

/// What a preview says of itself.
struct Previewed {
    message: String,
    plan_id: Option<String>,
    plan_expires_at: Option<String>,
}

/// A preview's message, which begins with [`NOT_EXECUTED`] whatever the source of the sentence, and has no full stop.
fn said(message: &str) -> String {
    let bare = message.strip_prefix(NOT_EXECUTED).unwrap_or(message);
    format!("{NOT_EXECUTED}{}", bare.trim_end_matches('.'))
}
