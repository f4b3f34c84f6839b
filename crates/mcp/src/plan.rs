//! Plans: what ties a change of many things to the preview somebody has seen.
//!
//! A plan is kept in memory under a short random id, with the arguments that were previewed, for 15 minutes. It is carried
//! out once: whoever gives its id again, as after a lost reply, gets the first outcome. A restart forgets all plans, and
//! so does another process; then the preview is made again.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use crate::outcome::{Failure, Next};

/// How long a preview counts as fresh: 15 minutes, as the outbox's own plans do.
const FRESH_MICROS: i64 = 15 * 60 * 1_000_000;
const PREFIX: &str = "pl_";
/// Most plans that are kept; the oldest go first.
const MOST: usize = 1_000;

/// One preview.
#[derive(Debug)]
pub(crate) struct Plan<T> {
    id: String,
    arguments: String,
    until: i64,
    /// The outbox's own plan, by which exactly what was previewed is done.
    pub(crate) inner: Option<String>,
    /// What came of it.
    pub(crate) outcome: OnceCell<T>,
}

/// Issues and checks plans.
pub(crate) struct Plans<T> {
    kept: Mutex<VecDeque<Arc<Plan<T>>>>,
}

impl<T> Plans<T> {
    pub(crate) fn new() -> Self {
        Self { kept: Mutex::default() }
    }

    /// The id of a preview of `arguments`, and until when it counts.
    pub(crate) fn issue(&self, arguments: &str, inner: Option<String>, now: i64) -> Result<(String, i64), Failure> {
        let random = getrandom::u64().map_err(|error| {
            tracing::error!(%error, "the operating system gives no random bytes");
            Failure::new("INTERNAL", Next::Operator, "this server cannot make a plan id", "it is in its log")
        })?;
        let (id, until) = (format!("{PREFIX}{random:016x}"), now.saturating_add(FRESH_MICROS));
        let (shown, arguments) = (id.clone(), arguments.to_owned());
        let plan = Plan { id, arguments, until, inner, outcome: OnceCell::new() };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        collect(&mut kept, now, "");
        // The oldest first: they are in the order of their ends.
        while kept.len() >= MOST {
            kept.pop_front();
        }
        kept.push_back(Arc::new(plan));
        Ok((shown, until))
    }

    /// The plan, if it is one of ours, fresh, and of these arguments.
    pub(crate) fn check(&self, id: &str, arguments: &str, now: i64) -> Result<Arc<Plan<T>>, Failure> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let fix = "make the same call without apply, look at what it says, and give its plan_id";
        // Held while the others are looked through, so that its outcome is told a last time.
        let found = kept.iter().find(|plan| plan.id == id).map(Arc::clone);
        collect(&mut kept, now, id);
        let Some(plan) = found else {
            let message = "this server knows no such plan_id: it is older than 15 minutes, or of another server";
            return Err(Failure::new("PLAN_NOT_FOUND", Next::Preview, message, fix));
        };
        if plan.arguments != arguments {
            let message = "this plan_id belongs to a preview of other arguments";
            return Err(Failure::new("PLAN_MISMATCH", Next::Preview, message, fix));
        }
        // What has been done is answered for as long as it is known.
        if plan.until <= now && plan.outcome.get().is_none() {
            let message = "this plan was valid for 15 minutes";
            return Err(Failure::new("PLAN_EXPIRED", Next::Preview, message, fix));
        }
        Ok(plan)
    }
}

/// Forgets what nobody can carry out any more; an outcome is told for as long again, to whoever lost the reply.
fn collect<T>(kept: &mut VecDeque<Arc<Plan<T>>>, now: i64, asked: &str) {
    kept.retain(|plan| {
        let told = if plan.outcome.initialized() { FRESH_MICROS } else { 0 };
        // One that is at work has its outcome still to tell.
        let holders = if plan.id == asked { 2 } else { 1 };
        plan.until.saturating_add(told) > now || Arc::strong_count(plan) > holders
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code<T>(result: Result<Arc<Plan<T>>, Failure>) -> String {
        result.err().expect("refused").code
    }

    #[test]
    fn a_plan_counts_for_what_was_previewed_and_for_a_while() {
        let plans = Plans::<()>::new();
        let (id, until) = plans.issue("redrive {}", Some("inner".to_owned()), 1_000).expect("an id");
        let found = plans.check(&id, "redrive {}", until - 1).expect("fresh");
        assert_eq!(found.inner.as_deref(), Some("inner"));
        assert_eq!(code(plans.check(&id, "replay {}", 1_001)), "PLAN_MISMATCH");
        assert_eq!(code(plans.check("pl_0", "redrive {}", 1_001)), "PLAN_NOT_FOUND");
        assert_eq!(code(Plans::<()>::new().check(&id, "redrive {}", 1_001)), "PLAN_NOT_FOUND", "another process");
        assert_eq!(code(plans.check(&id, "redrive {}", until)), "PLAN_EXPIRED");
        found.outcome.set(()).expect("once");
        assert!(plans.check(&id, "redrive {}", until).is_ok(), "its outcome is still told");
    }

    #[test]
    fn plans_are_few() {
        let plans = Plans::<()>::new();
        let (first, _) = plans.issue("a", None, 0).expect("an id");
        for _ in 0..MOST {
            plans.issue("a", None, 0).expect("an id");
        }
        assert_eq!(code(plans.check(&first, "a", 0)), "PLAN_NOT_FOUND");
        plans.issue("a", None, FRESH_MICROS).expect("an id");
        assert_eq!(plans.kept.lock().expect("a lock").len(), 1, "old ones go");
        let (id, until) = plans.issue("b", None, FRESH_MICROS).expect("an id");
        plans.check(&id, "b", until - 1).expect("fresh").outcome.set(()).expect("once");
        assert!(plans.check(&id, "b", until + FRESH_MICROS - 1).is_ok(), "told for as long again");
        assert_eq!(plans.kept.lock().expect("a lock").len(), 1, "what was never carried out went at the next question");
        plans.check(&id, "b", until + FRESH_MICROS).expect("the last time");
        assert_eq!(plans.kept.lock().expect("a lock").len(), 0, "outcomes go too");
    }
}
